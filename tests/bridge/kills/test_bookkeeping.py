from __future__ import annotations

import asyncio

from vimesh.bridge.calls.delayed_replies import DelayedReplies
from vimesh.bridge.kills.watermark import Watermark


def test_nothing_is_done_before_what_came_before_it() -> None:
    progress = Watermark(3)
    first, second = progress.add_step(4, 2), progress.add_step(5, 1)
    progress.add_step(6, 0)

    progress.finish_item(second)
    progress.finish_item(first)
    assert progress.revision == 3
    progress.finish_item(first)

    assert progress.revision == 6


def test_what_is_left_of_an_older_log_is_no_revision_of_the_newer_one() -> None:
    progress = Watermark(0)
    old = progress.add_step(500, 1)
    progress.restart()
    progress.add_step(20, 0)
    assert progress.revision == 0, "there is still work left"

    progress.finish_item(old)

    assert progress.revision == 20


def test_a_list_that_is_not_complete_is_no_progress() -> None:
    progress = Watermark(0)

    progress.add_step(0, 0)

    assert progress.revision == 0


async def test_held_answers_leave_room_for_new_calls() -> None:
    held = DelayedReplies(capacity=1)
    with held.track("a") as first, held.track("b") as second:
        await first.wait(60)  # released: the test would not end in time
        held.release_unwanted("b")
        await second.wait(60)

        assert second.is_unwanted
        assert not first.is_unwanted
    assert len(held) == 0


async def test_when_the_bridge_stops_no_answer_is_held() -> None:
    held = DelayedReplies(capacity=9)
    with held.track("a") as before:
        held.close()
        with held.track("b") as after:
            await asyncio.gather(before.wait(60), after.wait(60))
