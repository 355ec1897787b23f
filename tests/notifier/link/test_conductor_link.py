"""What a notifier records at a real conductor, which refuses what is too large or breaks a rule."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import select

from tests.support.deployments.conductors import Client
from tests.support.notifier.running_notifier import create_receiver
from tests.support.sql.receivers import change, notice, notification
from vimesh.domain.notifications.delivery_store import Claim, DeadNotification, Delivery
from vimesh.domain.notifications.notifications import MAX_CHANGES, Change, QueuedOutcome
from vimesh.notifier.link.conductor_link import ConductorLink
from vimesh.store.schema.notification_tables import notices, receivers
from vimesh.store.sql_store import SqlStore
from vimesh.v1 import receiver_service_pb2 as pb
from vimesh.v1.receiver_service_pb2_grpc import ReceiverServiceStub


async def claim_new(client: Client) -> tuple[ConductorLink, Claim]:
    """Create a receiver, and claim it."""
    link = ConductorLink(client.channel, "one")
    receiver = await create_receiver(client.channel)
    (claimed,) = (await link.acquire([])).receivers
    return link, Claim(receiver.id, "one", claimed.claim)


_TOO_LARGE = tuple(replace(change(1, labels={"note": "x" * 500}), revision=number) for number in range(MAX_CHANGES))
_AGAINST_A_RULE = (change(1, vim_name="x" * 5000),)


@pytest.mark.parametrize("changes", [_TOO_LARGE, _AGAINST_A_RULE])
async def test_a_dead_notification_that_conductors_refuse_is_recorded_without_its_changes(
    client: Client, store: SqlStore, changes: tuple[Change, ...]
) -> None:
    link, claim = await claim_new(client)
    dead = DeadNotification(notification(claim.receiver_id, *changes), 3, "400: no")

    await link.record(claim, Delivery(revision=1, notices=[notice()], dead=dead, error="400: no"))

    request = pb.ListNotificationsRequest(receiver_id=claim.receiver_id)
    (shown,) = (await ReceiverServiceStub(client.channel).ListNotifications(request, timeout=30)).notifications
    assert (shown.id, shown.attempts, shown.vim_count) == (dead.notification.id, 3, len(changes))
    assert shown.error.startswith("400: no; ")
    assert len(await store._database.read(lambda c: c.execute(select(notices)).all())) == 1


async def test_an_error_of_any_length_is_recorded(client: Client, store: SqlStore) -> None:
    link, claim = await claim_new(client)
    dead = DeadNotification(notification(claim.receiver_id, change(1)), 3, "y" * 2000)

    await link.record(claim, Delivery(revision=1, dead=dead, error="\0" + "x" * 2000))

    shown = await store.receivers.get_notification(dead.notification.id)
    assert shown.error == "y" * 1000
    assert len(shown.notification.changes) == 1
    last_error = await store._database.read(lambda c: c.execute(select(receivers.c.last_error)).scalar_one())
    assert last_error == "x" * 999


async def test_a_queued_notification_that_is_too_large_for_an_answer_comes_without_its_changes(
    client: Client, store: SqlStore
) -> None:
    link, claim = await claim_new(client)
    large, small = notification(claim.receiver_id, *_TOO_LARGE), notification(claim.receiver_id, change(1))
    for dead in (large, small):
        await store.deliveries.record(claim, Delivery(dead=DeadNotification(dead, 1, "x")))
    await store.receivers.resend(claim.receiver_id, [])

    (first,) = await link.queued(claim, "ops")
    outcome = QueuedOutcome(first.id, delivered=False, attempts=1)
    await link.record(claim, Delivery(outcomes=[outcome]))

    assert first == replace(large, changes=())
    assert await link.queued(claim, "ops") == [small]
