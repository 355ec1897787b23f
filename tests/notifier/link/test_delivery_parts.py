"""What is too large for one call is recorded in several, in an order that loses nothing."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from tests.notifier.agenda.simulated_world import START, at
from tests.support.sql.receivers import change
from vimesh.domain.notifications.delivery_store import DeadNotification, Delivery
from vimesh.domain.notifications.notices import Notice
from vimesh.domain.notifications.notifications import Change, Notification, NotificationKind, QueuedOutcome
from vimesh.domain.vims import Status
from vimesh.notifier.link.delivery_parts import next_less, parts_of


def notice(number: int, group_key: str = "{}") -> Notice:
    return Notice(str(UUID(int=number)), "lab", group_key, Status.UNKNOWN, "SILENT", at(START), number, at(START))


def dead(*changes: Change) -> DeadNotification:
    id_ = str(UUID(int=1))
    notification = Notification(id_, id_, "pager", NotificationKind.CHANGES, "", {}, changes, 0, 0, 0)
    return DeadNotification(notification, 1, "400")


def test_a_small_delivery_is_one_call() -> None:
    delivery = Delivery(revision=7, notices=[notice(1)], dead=dead(), error="400")

    assert list(parts_of(delivery)) == [delivery]


def test_what_is_dead_comes_first_and_the_revision_last() -> None:
    delivery = Delivery(revision=7, notices=[notice(n) for n in range(5000)], dead=dead(), delivered=True, error="400")

    first, middle, last = parts_of(delivery)

    assert [*first.notices, *middle.notices, *last.notices] == delivery.notices
    assert (first.dead, middle.dead, last.dead) == (delivery.dead, None, None)
    assert (first.revision, middle.revision, last.revision) == (0, 0, 7)
    assert not first.delivered
    assert last.delivered


def test_long_keys_of_groups_make_more_calls() -> None:
    parts = list(parts_of(Delivery(notices=[notice(n, "x" * 2000) for n in range(1000)])))

    assert len(parts) >= 4
    assert sum(len(part.notices) for part in parts) == 1000
    assert all(len(part.notices) <= 250 for part in parts)


def test_errors_are_such_as_conductors_take() -> None:
    long = "\0\ud800" + "x" * 5000
    outcome = QueuedOutcome(str(UUID(int=1)), delivered=False, attempts=1, error=long)
    (part,) = parts_of(Delivery(error=long, gone_reason=long, dead=replace(dead(), error=long), outcomes=[outcome]))

    assert part.dead is not None
    errors = {part.error, part.gone_reason, part.dead.error, part.outcomes[0].error}
    assert errors == {"?" + "x" * 998}


def test_less_and_less_is_recorded_and_never_less_than_how_far_the_receiver_was_told() -> None:
    whole = Delivery(revision=7, notices=[notice(1)], dead=dead(change(1)), error="400", gone_reason="410")

    without_changes = next_less(whole)
    assert without_changes is not None
    assert without_changes.dead is not None
    assert not without_changes.dead.notification.changes
    least = next_less(without_changes)

    assert least == Delivery(revision=7, notices=whole.notices, outcomes=(), gone_reason="gone")
    assert next_less(least) is None
