"""How large a notification is, and by which id receivers tell it from others."""

from __future__ import annotations

from itertools import pairwise

import pytest

from tests.notifier.agenda.simulated_world import World, settings, vim_id
from vimesh.domain.notifications.notifications import MAX_CHANGES, Notification
from vimesh.notifier.agenda.agenda_steps import Delayed, Delivered
from vimesh.notifier.agenda.batches import MAX_BYTES
from vimesh.wire.notifications.notification_messages import notification_message

_LABELS = {f"example.com/label-{number}": "value" * 10 for number in range(12)}
_SHORT_LABELS = {f"{number:x}": "Ω" for number in range(64)}


def change_often(world: World, number: int, count: int, reason: str = "TIMEOUT") -> None:
    for _ in range(count // 2):
        world.dark(number, reason)
        world.well(number)


@pytest.mark.parametrize(("labels", "reason"), [(_LABELS, "TIMEOUT"), (_SHORT_LABELS, "Ω" * 255), ({}, "Ω" * 255)])
def test_changes_of_one_vim_that_are_too_large_together_are_told_in_several_notifications(
    labels: dict[str, str], reason: str
) -> None:
    world = World(settings())
    change_often(world, 1, 7_000, reason)
    world.vims[vim_id(1)].labels.update(labels)
    world.run(30.0)

    sizes = [notification_message(receipt.notification).ByteSize() for receipt in world.receipts]
    assert len(sizes) > 1
    assert max(sizes) <= MAX_BYTES + 10_000
    assert max(sizes) > MAX_BYTES / 4
    assert [revision for revision, _ in world.told(1)] == list(range(2, 7_002))
    assert world.revision == world.newest


def test_changes_of_one_vim_that_are_too_many_are_told_in_several_notifications() -> None:
    world = World(settings())
    change_often(world, 1, 4)
    change_often(world, 2, MAX_CHANGES + 10)
    world.run(10.0)

    assert [len(receipt.notification.changes) for receipt in world.receipts] == [MAX_CHANGES, 14]
    assert [revision for revision, _ in world.told(2)] == list(range(6, MAX_CHANGES + 16))


def test_another_content_has_another_id_and_the_same_has_the_same() -> None:
    """A VIM in the middle goes into maintenance between two attempts, and is in neither end of the revisions."""
    world = World(settings())
    world.answer = lambda _: Delayed("503", 20.0)
    attempts: list[Notification] = []

    def note(notification: Notification) -> bool:
        attempts.append(notification)
        return True

    world.arrives = note
    for number in (1, 2, 3):
        world.dark(number)
    world.run(50.0)
    world.vims[vim_id(2)].in_maintenance = True
    world.run(30.0)
    world.answer = lambda _: Delivered()
    world.run(400.0)

    vims = [tuple(change.vim_id for change in one.changes) for one in attempts]
    assert len(set(vims)) == 2
    for sooner, later in pairwise(attempts):
        assert (sooner.id == later.id) == (sooner.changes == later.changes)


def test_many_vims_that_are_gone_after_missed_changes_are_told_with_different_ids() -> None:
    world = World(settings())
    for number in range(12_000):
        world.dark(number)
    world.run(100.0)
    world.crash()
    for number in range(12_000):
        world.deregister(number)
    world.oldest = world.newest + 1
    told = len(world.receipts)
    world.run(200.0)

    ends = [receipt.notification for receipt in world.receipts[told:]]
    assert [len(one.changes) for one in ends] == [MAX_CHANGES, 2_000]
    assert ends[0].id != ends[1].id
