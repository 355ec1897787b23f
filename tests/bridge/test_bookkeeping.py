from __future__ import annotations

import asyncio

from vimesh.bridge.calls.delayed_replies import DelayedReplies
from vimesh.bridge.kills.watermark import Watermark


def test_nothing_is_done_before_what_came_before_it() -> None:
    progress = Watermark(3)
    first, second = progress.seen(4, 2), progress.seen(5, 1)
    progress.seen(6, 0)

    progress.worked(second)
    progress.worked(first)
    assert progress.done == 3
    progress.worked(first)

    assert progress.done == 6


def test_what_is_left_of_an_older_log_is_no_revision_of_the_newer_one() -> None:
    progress = Watermark(0)
    old = progress.seen(500, 1)
    progress.restart()
    progress.seen(20, 0)
    assert progress.done == 0, "there is still work left"

    progress.worked(old)

    assert progress.done == 20


def test_a_list_that_is_not_complete_is_no_progress() -> None:
    progress = Watermark(0)

    progress.seen(0, 0)

    assert progress.done == 0


async def test_held_answers_leave_room_for_new_calls() -> None:
    held = DelayedReplies(capacity=1)
    with held.holding("a") as first, held.holding("b") as second:
        await first.wait(60)  # released: the test would not end in time
        held.unwanted("b")
        await second.wait(60)

        assert second.unwanted
        assert not first.unwanted
    assert len(held) == 0


async def test_when_the_bridge_stops_no_answer_is_held() -> None:
    held = DelayedReplies(capacity=9)
    with held.holding("a") as before:
        held.close()
        with held.holding("b") as after:
            await asyncio.gather(before.wait(60), after.wait(60))
