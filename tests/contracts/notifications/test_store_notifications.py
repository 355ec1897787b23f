"""Notifications on record: queued ones are sent once, dead ones can be listed, sent again and forgotten (G19)."""

from __future__ import annotations

import uuid
import zlib
from dataclasses import replace

import pytest
from sqlalchemy import update

from tests.support.sql.receivers import acquire, change, claim_one, notification, pass_time, settings
from vimesh.domain.errors import PageTokenInvalid
from vimesh.domain.notifications.delivery_store import Claim, DeadNotification, Delivery
from vimesh.domain.notifications.notifications import NotificationKind, NotificationState, QueuedOutcome
from vimesh.domain.notifications.receiver_errors import NotificationNotFound
from vimesh.domain.notifications.receiver_store import NotificationQuery
from vimesh.domain.vim_store import VimStore
from vimesh.store.notifications import record_delivery
from vimesh.store.notifications.notification_rows import pack_changes
from vimesh.store.schema.notification_tables import notifications
from vimesh.store.sql_store import SqlStore

QUEUED, DELIVERED, DEAD = NotificationState
NOTIFIERS = 4
SLOW_S = 60.0
"""More than any of these tests takes."""


async def test_what_people_queue_is_sent_and_ended_once(store: VimStore) -> None:
    created = await store.receivers.create(settings())
    [claimed] = await acquire(store, "n1")
    claim = Claim(created.id, "n1", claimed.claim)
    first, second = (notification(created.id, change(number)) for number in (1, 2))
    for dead in (first, second):
        await store.deliveries.record(claim, Delivery(dead=DeadNotification(dead, 1, "x")))
    test, _ = await store.receivers.queue_test(created.id)
    assert await store.receivers.queue_test(created.id) == (test, "")
    assert await store.receivers.resend(created.id, [second.id, str(uuid.uuid4())]) == (1, "")
    assert await store.receivers.resend(created.id, []) == (1, "")
    assert await store.receivers.resend(created.id, []) == (0, "")

    assert [one.queued_count for one in await acquire(store, "n1", claimed)] == [3]
    queued = await store.deliveries.queued(claim)
    assert [one.notification for one in queued] == [first, second, replace(test.notification, changes=())]
    outcomes = [
        QueuedOutcome(first.id, delivered=True, attempts=2),
        QueuedOutcome(second.id, delivered=False, attempts=3, error="y"),
    ]
    await store.deliveries.record(claim, Delivery(outcomes=outcomes))
    # They have ended: nothing more becomes of them.
    await store.deliveries.record(claim, Delivery(outcomes=[QueuedOutcome(first.id, delivered=False, attempts=9)]))

    ended = [await store.receivers.get_notification(one.id) for one in (first, second)]
    assert [(one.state, one.attempts, one.error) for one in ended] == [(DELIVERED, 2, ""), (DEAD, 3, "y")]
    assert [one.notification.kind for one in await store.deliveries.queued(claim)] == [NotificationKind.TEST]


async def test_queued_notifications_come_in_bites(store: VimStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vimesh.store.notifications.notification_records.QUEUED_BYTES", 1)
    created = await store.receivers.create(settings())
    claim = await claim_one(store)
    assert await store.deliveries.queued(claim) == []
    for number in range(3):
        dead = DeadNotification(notification(created.id, change(number)), 1, "x")
        await store.deliveries.record(claim, Delivery(dead=dead))
    await store.receivers.resend(created.id, [])

    assert [one.first_revision for one in await store.deliveries.queued(claim)] == [0]


async def test_queued_notifications_that_were_packed_well_come_in_bites(store: VimStore) -> None:
    """A thousand changes with the same long labels take few bytes of the database, and many of an answer."""
    created = await store.receivers.create(settings())
    claim = await claim_one(store)
    changes = [replace(change(number, labels={"note": "x" * 1000}), vim_id=created.id) for number in range(2000)]
    for _ in range(3):
        await store.deliveries.record(claim, Delivery(dead=DeadNotification(notification(created.id, *changes), 1, "")))
    await store.receivers.resend(created.id, [])

    arrived = []
    while queued := await store.deliveries.queued(claim):
        (one,) = queued
        assert len(one.notification.changes) == len(changes)
        arrived.append(one.notification.id)
        outcome = QueuedOutcome(one.notification.id, delivered=True, attempts=1)
        await store.deliveries.record(claim, Delivery(outcomes=[outcome]))
    assert len(set(arrived)) == 3


@pytest.mark.parametrize("damaged", [b"damaged", b"", pack_changes(())[:-1], zlib.compress(b"[[1]]")])
async def test_a_queued_notification_that_cannot_be_read_does_not_block_the_next_one(
    store: SqlStore, damaged: bytes
) -> None:
    created = await store.receivers.create(settings())
    claim = await claim_one(store)
    first, second = (notification(created.id, change(number)) for number in (1, 2))
    for dead in (first, second):
        await store.deliveries.record(claim, Delivery(dead=DeadNotification(dead, 1, "x")))
    await store.receivers.resend(created.id, [])
    statement = update(notifications).where(notifications.c.id == first.id).values(changes=damaged)
    await store._database.write(lambda connection: connection.execute(statement))

    queued = await store.deliveries.queued(claim)

    assert [one.notification for one in queued] == [replace(first, changes=()), second]


async def test_notifications_are_listed_and_removed(store: VimStore) -> None:
    created = await store.receivers.create(settings())
    claim = await claim_one(store)
    dead = [notification(created.id, change(number)) for number in range(5)]
    for one in dead:
        await store.deliveries.record(claim, Delivery(dead=DeadNotification(one, 1, "x")))
    test, _ = await store.receivers.queue_test(created.id)

    async def listed(*states: NotificationState) -> list[str]:
        ids, token = [], ""
        while True:
            page, token = await store.receivers.list_notifications(NotificationQuery(created.id, states, 2, token))
            ids += [one.notification.id for one in page]
            if not token:
                return ids

    assert await listed() == [test.notification.id, *(one.id for one in reversed(dead))]
    assert await listed(QUEUED) == [test.notification.id]
    assert await listed(DELIVERED) == []
    with pytest.raises(PageTokenInvalid):
        await store.receivers.list_notifications(NotificationQuery(created.id, [], 2, "x"))
    assert await store.receivers.delete_notifications(created.id, [dead[0].id, test.notification.id]) == (2, "")
    assert await listed() == [one.id for one in reversed(dead[1:])]
    await store.receivers.queue_test(created.id)
    assert await store.receivers.delete_notifications(created.id, []) == (4, "")
    assert len(await listed()) == 1
    with pytest.raises(NotificationNotFound):
        await store.receivers.get_notification(dead[1].id)


async def test_the_oldest_of_too_many_dead_notifications_go(store: VimStore, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = 3
    monkeypatch.setattr(record_delivery, "_SURPLUS", record_delivery._SURPLUS.offset(kept))
    created = await store.receivers.create(settings())
    claim = await claim_one(store)
    dead = [notification(created.id, change(number)) for number in range(5)]

    for one in dead:
        await store.deliveries.record(claim, Delivery(dead=DeadNotification(one, 1, "x")))

    shown = await store.receivers.get(created.id)
    assert (shown.dead_count, shown.dropped_count) == (3, 2)
    page, _ = await store.receivers.list_notifications(NotificationQuery(created.id, [], 10, ""))
    assert [one.notification.id for one in page] == [one.id for one in reversed(dead[2:])]


async def test_old_notifications_are_forgotten(store: VimStore) -> None:
    created = await store.receivers.create(settings())
    claim = await claim_one(store)
    dead = notification(created.id, change(1))
    test, _ = await store.receivers.queue_test(created.id)
    delivered = [QueuedOutcome(test.notification.id, delivered=True, attempts=1)]
    await store.deliveries.record(claim, Delivery(dead=DeadNotification(dead, 1, "x"), outcomes=delivered))

    await pass_time(store, 3500)
    assert await store.receivers.forget(10) == 0
    await pass_time(store, 200)
    assert await store.receivers.forget(10) == 1
    with pytest.raises(NotificationNotFound):
        await store.receivers.get_notification(test.notification.id)
    await pass_time(store, 30 * 86400)
    assert await store.receivers.forget(10) == 1
    assert await store.receivers.forget(10) == 0
