"""Another notifier goes on where one stopped, or died."""

from __future__ import annotations

from tests.notifier.agenda.simulated_world import World, settings, vim_id
from vimesh.domain.notifications.notifications import Notification, NotificationKind
from vimesh.notifier.agenda.agenda_steps import Delayed, Delivered


def test_whoever_takes_over_gives_up_when_the_one_before_would_have() -> None:
    world = World(settings(give_up_after_s=3600.0))
    world.answer = lambda _: Delayed("503")
    world.dark(1)
    for _ in range(10):
        world.run(500.0)
        world.crash()

    (dead,) = [delivery.dead for delivery in world.deliveries if delivery.dead]
    assert dead.attempts == len(world.receipts)
    assert world.receipts[-1].time - world.receipts[0].time == 3600.0
    assert world.unfinished is None


def test_what_came_after_the_first_attempt_has_its_own_time_after_a_takeover() -> None:
    """That it is of the same group, or is due first, changes nothing."""
    world = World(settings(group_wait_s=5.0, give_up_after_s=3600.0))
    world.answer = lambda _: Delayed("503")
    world.dark(1)
    world.run(3000.0)
    world.dark(2)
    world.dark(3, "REFUSED")
    world.run(300.0)
    world.crash()
    world.run(10_000.0)

    dead = [delivery.dead.notification for delivery in world.deliveries if delivery.dead]
    assert [[change.vim_id for change in one.changes] for one in dead] == [[vim_id(n)] for n in (1, 3, 2)]
    for one in dead:
        times = [receipt.time for receipt in world.receipts if receipt.notification.id == one.id]
        assert times[-1] - times[0] == 3600.0


def test_a_takeover_before_all_of_a_notification_was_read_sends_it_whole() -> None:
    world = World(settings(group_by=("labels.region",), give_up_after_s=3600.0))
    world.answer = lambda _: Delayed("503")
    for number in (1, 2, 3):
        world.dark(number)
    world.run(1000.0)
    world.crash()
    for _ in range(3):
        world.watch(1)
        while world.step() is None:
            pass
    world.run(1000.0)

    assert len({receipt.notification.id for receipt in world.receipts}) == 1


def test_a_takeover_starts_anew_if_what_was_tried_is_not_to_be_told_any_more() -> None:
    world = World(settings(give_up_after_s=3600.0))
    world.answer = lambda _: Delayed("503")
    world.dark(1)
    world.run(10.0)
    world.dark(2, "REFUSED")
    world.run(3500.0)
    world.start_maintenance(1)
    world.crash()
    begun = len(world.receipts)
    world.run(4000.0)

    (dead,) = [delivery.dead for delivery in world.deliveries if delivery.dead]
    assert [change.vim_id for change in dead.notification.changes] == [vim_id(2)]
    assert world.receipts[-1].time - world.receipts[begun].time == 3600.0


def test_another_notifier_may_have_it_once_all_is_told_and_nothing_is_forgotten_by_that() -> None:
    world = World(settings(group_wait_s=5.0, group_interval_s=60.0))
    world.answer = lambda _: Delayed("503")
    assert world.agenda.is_quiet(world.now)

    world.dark(1)
    world.watch()
    assert not world.agenda.is_quiet(world.now), "a change waits"
    world.run(10.0)
    assert not world.agenda.is_quiet(world.now), "it is tried again"
    world.answer = lambda _: Delivered()
    world.run(100.0)
    assert world.agenda.is_quiet(world.now)
    world.well(1)
    world.run(10.0)
    told_at = world.receipts[-1].time
    assert world.kinds(1)[-1] == "RESOLVED"
    assert not world.agenda.is_quiet(world.now), "its group may not be told of before the interval is over"
    world.run(told_at + 60.0 - world.now)
    assert world.agenda.is_quiet(world.now)
    world.agenda.queue([Notification("a", world.receiver.id, "", NotificationKind.TEST, "", {}, (), 0, 0, 0)])
    assert not world.agenda.is_quiet(world.now), "somebody waits for a test"
