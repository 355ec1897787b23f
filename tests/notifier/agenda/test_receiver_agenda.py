"""What one receiver is told, and when."""

from __future__ import annotations

import json

from tests.notifier.agenda.simulated_world import START, World, settings, vim_id
from vimesh.domain.events import EventKind
from vimesh.domain.notifications.notifications import NotificationKind
from vimesh.domain.notifications.receivers import GROUP_WAIT_S
from vimesh.domain.probing import ProbePolicy
from vimesh.domain.vims import Status
from vimesh.notifier.agenda.agenda_steps import Delayed, Delivered


def test_a_problem_is_told_after_the_wait_of_its_group_and_its_end_likewise() -> None:
    world = World(settings(group_wait_s=5.0, group_interval_s=60.0))

    world.dark(1)
    world.run(4.9)
    assert not world.receipts
    world.run(0.2)
    assert [receipt.time for receipt in world.receipts] == [START + 5.0]
    world.well(1)
    world.run(100.0)

    assert world.kinds(1) == ["PROBLEM", "RESOLVED"]
    assert world.receipts[1].time == START + 65.0
    assert [receipt.notification.resolved_count for receipt in world.receipts] == [0, 1]
    assert world.revision == world.newest
    assert not world.notices


def test_five_thousand_vims_dark_at_once_are_one_notification_and_so_is_their_end() -> None:
    """They are noticed within the interval of their probes, which the defaults of receivers allow for."""
    world = World(settings(group_wait_s=GROUP_WAIT_S))

    for number in range(5000):
        world.dark(number)
        if number % 500 == 499:
            world.run(ProbePolicy().interval_s / 10)
    world.run(200.0)
    assert [len(receipt.notification.changes) for receipt in world.receipts] == [5000]
    assert world.receipts[0].notification.problem_count == 5000
    assert world.receipts[0].notification.group == {"reason": "TIMEOUT"}
    for number in range(5000):
        world.well(number)
    world.run(200.0)

    assert [len(receipt.notification.changes) for receipt in world.receipts] == [5000, 5000]
    assert world.receipts[1].notification.resolved_count == 5000


def test_no_change_is_left_out_or_overtakes_while_the_receiver_is_away() -> None:
    world = World(settings(group_wait_s=1.0, group_interval_s=1.0))
    world.arrives = lambda _: False
    world.answer = lambda _: Delayed("503")

    for _ in range(3):
        world.dark(1, "TIMEOUT")
        world.run(10.0)
        world.well(1)
        world.run(10.0)
    world.arrives, world.answer = (lambda _: True), (lambda _: Delivered())
    world.run(700.0)

    assert world.told(1) == [
        (2, "PROBLEM"), (3, "RESOLVED"), (4, "PROBLEM"), (5, "RESOLVED"), (6, "PROBLEM"), (7, "RESOLVED"),
    ]  # fmt: skip


def test_what_is_resolved_goes_to_the_group_of_its_problem() -> None:
    world = World(settings(group_by=("reason", "labels.region")))
    world.dark(1, "TIMEOUT")
    world.dark(2, "REFUSED")
    world.vims[vim_id(1)].labels["region"] = "eu"
    world.run(10.0)
    world.crash()
    world.vims[vim_id(1)].labels["region"] = "us"
    world.well(1)
    world.well(2)
    world.run(200.0)

    groups = [(dict(receipt.notification.group), len(receipt.notification.changes)) for receipt in world.receipts]
    timeout, refused = {"reason": "TIMEOUT", "labels.region": "eu"}, {"reason": "REFUSED", "labels.region": ""}
    assert sorted(groups, key=str) == [(refused, 1), (refused, 1), (timeout, 1), (timeout, 1)]
    assert json.loads(world.receipts[0].notification.group_key) in (timeout, refused)


def test_ten_thousand_changes_are_the_most_of_one_notification_and_the_rest_follows_at_once() -> None:
    world = World(settings())
    for number in range(10_050):
        world.dark(number)
    world.run(6.0)

    assert [len(receipt.notification.changes) for receipt in world.receipts] == [10_000, 50]


def test_large_vims_make_smaller_notifications() -> None:
    world = World(settings())
    for number in range(100):
        world.dark(number)
        world.vims[vim_id(number)].labels["note"] = "x" * 60_000
    world.run(6.0)

    sizes = [len(receipt.notification.changes) for receipt in world.receipts]
    assert sum(sizes) == 100
    assert max(sizes) <= 50


def test_only_wanted_kinds_of_change_are_told() -> None:
    plain = World(settings(statuses=(Status.UNREACHABLE,)))
    curious = World(settings(reason_changes=True, lifecycle_changes=True))
    for world in (plain, curious):
        world.change(1, Status.PENDING, kind=EventKind.REGISTERED)
        world.well(1)
        world.dark(1, "TIMEOUT")
        world.dark(1, "REFUSED")
        world.change(1, Status.UNKNOWN, "SILENT")
        world.well(1)
        world.change(1, Status.REACHABLE, kind=EventKind.MODIFIED)
        world.deregister(1)
        world.run(300.0)

    assert plain.kinds(1) == ["PROBLEM", "RESOLVED"]
    assert curious.kinds(1) == [
        "REGISTERED", "PROBLEM", "REASON_CHANGED", "PROBLEM", "RESOLVED", "MODIFIED", "DEREGISTERED",
    ]  # fmt: skip


def test_the_end_is_not_told_to_who_does_not_want_it() -> None:
    world = World(settings(resolved=False, repeat_interval_s=100.0))
    world.dark(1)
    world.well(1)
    world.run(500.0)
    world.dark(1)
    world.run(50.0)
    world.well(1)
    world.run(500.0)

    assert world.kinds(1) == ["PROBLEM", "PROBLEM"]
    assert not world.notices


def test_a_problem_ends_with_its_vim() -> None:
    world = World(settings())
    world.dark(1)
    world.dark(2)
    world.run(10.0)
    world.deregister(1)
    world.filter_out(2)
    world.run(200.0)

    assert [
        (change.vim_name, str(change.kind), change.reason) for change in world.receipts[1].notification.changes
    ] == [
        ("vim-1", "RESOLVED", "DEREGISTERED"),
        ("vim-2", "RESOLVED", "FILTERED_OUT"),
    ]


def test_a_vim_that_is_gone_before_it_is_told_of_has_its_name() -> None:
    world = World(settings(group_by=("reason", "type")))
    world.dark(1)
    world.deregister(1)
    world.run(10.0)

    (notification,) = [receipt.notification for receipt in world.receipts]
    assert [(change.vim_name, str(change.kind)) for change in notification.changes] == [
        ("vim-1", "PROBLEM"),
        ("vim-1", "RESOLVED"),
    ]
    assert notification.group == {"reason": "TIMEOUT", "type": "openstack"}


def test_a_problem_that_lasts_is_told_again_once_for_its_group() -> None:
    world = World(settings(repeat_interval_s=600.0, group_interval_s=1.0))
    world.dark(1)
    world.run(60.0)
    world.dark(2)
    world.run(1200.0)
    world.well(1)
    world.well(2)
    world.run(2000.0)

    kinds = [(str(receipt.notification.kind), len(receipt.notification.changes)) for receipt in world.receipts]
    assert kinds == [("CHANGES", 1), ("CHANGES", 1), ("REMINDER", 2), ("REMINDER", 2), ("CHANGES", 2)]
    assert [receipt.time - START for receipt in world.receipts[2:4]] == [605.0, 1205.0]
    assert len({receipt.notification.id for receipt in world.receipts}) == len(world.receipts)


def test_a_reminder_that_fails_is_not_dead_and_does_not_delay_news() -> None:
    world = World(settings(repeat_interval_s=600.0, give_up_after_s=60.0))
    world.dark(1)
    world.run(10.0)
    world.arrives = lambda _: False
    world.answer = lambda notification: (
        Delayed("503") if notification.kind is NotificationKind.REMINDER else Delivered()
    )
    world.run(1500.0)
    world.arrives = lambda _: True
    world.dark(2)
    world.run(400.0)

    assert world.kinds(2).count("PROBLEM") == 1
    assert not [delivery for delivery in world.deliveries if delivery.dead]


def test_the_position_is_recorded_without_deliveries_every_ten_seconds_at_most() -> None:
    world = World(settings())
    for _ in range(100):
        world.well(1)
        world.run(1.0)

    assert 9 <= len(world.deliveries) <= 10
    assert world.revision > 90


def test_a_notifier_whose_clock_was_ahead_delays_nothing() -> None:
    world = World(settings(repeat_interval_s=600.0))
    world.now += 86400.0
    world.dark(1)
    world.run(10.0)
    world.now -= 86400.0
    world.crash()
    world.well(1)
    world.run(100.0)

    assert world.kinds(1) == ["PROBLEM", "RESOLVED"]
