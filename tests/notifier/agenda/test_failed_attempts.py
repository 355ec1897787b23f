"""What becomes of what a receiver does not take, and of what people queue."""

from __future__ import annotations

from itertools import pairwise
from uuid import UUID, uuid4

from tests.notifier.agenda.simulated_world import START, World, settings
from vimesh.domain.notifications.notifications import Notification, NotificationKind
from vimesh.notifier.agenda.agenda_steps import Delayed, Delivered, Gone, Refused


def test_what_is_refused_is_dead_at_once_and_what_comes_next_is_sent() -> None:
    world = World(settings(group_interval_s=1.0))
    world.answer = lambda _: Refused("400")
    world.dark(1)
    world.run(10.0)
    world.answer = lambda _: Delivered()
    world.well(1)
    world.run(10.0)

    (dead,) = [delivery.dead for delivery in world.deliveries if delivery.dead]
    assert (dead.attempts, dead.error, len(dead.notification.changes)) == (1, "400", 1)
    assert world.kinds(1) == ["PROBLEM", "RESOLVED"]


def test_what_is_delayed_is_given_up_after_its_time() -> None:
    world = World(settings(give_up_after_s=3600.0))
    times: list[float] = []

    def answer(_notification: Notification) -> Delayed:
        times.append(world.now)
        return Delayed("503")

    world.answer = answer
    world.dark(1)
    world.run(3600.0 + 10.0)

    (dead,) = [delivery.dead for delivery in world.deliveries if delivery.dead]
    assert dead.attempts == len(times)
    assert times[-1] - times[0] == 3600.0
    assert 12 < len(times) < 200
    assert all(later - sooner <= 300.0 for sooner, later in pairwise(times))
    assert len({receipt.notification.id for receipt in world.receipts}) == 1
    assert world.revision == world.newest


def test_a_receiver_that_asks_for_patience_gets_it() -> None:
    world = World(settings())
    world.answer = lambda _: Delayed("429", 120.0)
    world.dark(1)
    world.run(100.0)
    assert len(world.receipts) == 1
    world.run(26.0)

    assert [receipt.time for receipt in world.receipts] == [START + 5.0, START + 125.0]


def test_a_receiver_that_is_gone_is_disabled() -> None:
    world = World(settings())
    world.answer = lambda _: Gone("410")
    world.dark(1)
    world.run(6.0)

    last = world.deliveries[-1]
    assert last.gone_reason == "410"
    assert last.dead is not None


def test_what_people_queue_goes_first_and_is_tried_once() -> None:
    world = World(settings())
    world.answer = lambda _: Delayed("503")
    world.dark(1)
    world.run(10.0)
    test, again = (
        Notification(str(uuid4()), str(UUID(int=1)), "pager", NotificationKind.TEST, "", {}, (), 0, 0, 0) for _ in "ab"
    )
    world.answer = lambda notification: Delivered() if notification is test else Delayed("502")
    world.agenda.queue([test, again])
    world.agenda.queue([test, again])
    for _ in range(4):
        world.step()

    outcomes = [outcome for delivery in world.deliveries for outcome in delivery.outcomes]
    assert [(one.notification_id, one.delivered, one.error) for one in outcomes] == [
        (test.id, True, ""),
        (again.id, False, "502"),
    ]


def test_what_is_queued_but_cannot_be_read_is_dead_and_what_comes_next_is_sent() -> None:
    world = World(settings())
    damaged, test = (
        Notification(str(uuid4()), str(UUID(int=1)), "pager", kind, "", {}, (), 1, 1, 0)
        for kind in (NotificationKind.CHANGES, NotificationKind.TEST)
    )
    world.agenda.queue([damaged, test])
    world.run(1.0)

    assert [receipt.notification for receipt in world.receipts] == [test]
    outcomes = [outcome for delivery in world.deliveries for outcome in delivery.outcomes]
    assert [(one.notification_id, one.delivered) for one in outcomes] == [(damaged.id, False), (test.id, True)]
    assert "cannot be read" in outcomes[0].error
