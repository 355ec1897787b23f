"""Notifiers claim receivers at a real conductor, and record what they deliver."""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration

from tests.support.deployments.conductors import Client, conductor_over
from tests.support.sql.receivers import change, notice, notification, settings
from tests.support.sql.stores import sqlite_url, store_at
from vimesh.domain.notifications.delivery_store import Claim, DeadNotification, Delivery
from vimesh.domain.notifications.notices import Notice
from vimesh.domain.notifications.notifications import QueuedOutcome
from vimesh.domain.notifications.receivers import CLAIM_S, UnfinishedDelivery
from vimesh.store.sql_store import SqlStore
from vimesh.v1 import notifier_service_pb2 as pb
from vimesh.v1 import receiver_service_pb2 as rs
from vimesh.wire.error_statuses import failure_of
from vimesh.wire.notifications.delivery_messages import claimed_from_message, notice_from_message, record_request
from vimesh.wire.notifications.notification_messages import notification_from_message

WITHIN_S = 30


@pytest.fixture
async def store(tmp_path: Path) -> AsyncGenerator[SqlStore]:
    async with store_at(sqlite_url(tmp_path / "vimesh.sqlite")) as store:
        yield store


@pytest.fixture
async def client(store: SqlStore) -> AsyncGenerator[Client]:
    async with conductor_over(store) as client:
        yield client


async def claim_one(client: Client) -> Claim:
    request = pb.AcquireReceiversRequest(notifier_id="n1")
    [claimed] = (await client.notifiers.AcquireReceivers(request, timeout=WITHIN_S)).receivers
    return Claim(claimed.receiver_id, "n1", claimed.claim)


async def test_a_claim_is_renewed_and_given_back(client: Client, store: SqlStore) -> None:
    created = await store.receivers.create(settings())
    await store.receivers.queue_test(created.id)

    async def acquire(**fields: object) -> list[pb.ClaimedReceiver]:
        request = pb.AcquireReceiversRequest(notifier_id="n1", **fields)  # type: ignore[arg-type]  # fields by name
        response = await client.notifiers.AcquireReceivers(request, timeout=WITHIN_S)
        assert response.claim_duration.seconds == CLAIM_S
        return list(response.receivers)

    [first] = await acquire()
    claimed = claimed_from_message(first)
    assert claimed.receiver is not None
    assert (claimed.receiver.settings, claimed.receiver.id, claimed.queued_count) == (settings(), created.id, 1)
    claims = [pb.ReceiverClaim(receiver_id=created.id.upper(), claim=first.claim, version=first.version)]
    [second] = await acquire(claims=claims)
    assert (second.claim, second.HasField("receiver")) == (first.claim, False)
    assert await acquire(claims=claims, release_receiver_ids=[created.id], renew_only=True) == []
    assert [one.claim for one in await acquire()] == [2]


async def test_whoever_has_a_receiver_learns_what_was_tried_in_vain_and_whether_it_has_too_many(
    client: Client, store: SqlStore
) -> None:
    await store.receivers.create(settings())
    claim = await claim_one(client)
    tried = Delivery(unfinished=UnfinishedDelivery(first_revision=3, last_revision=5, tried_for_s=100.0, attempts=7))
    await client.notifiers.RecordDelivery(record_request(claim, tried), timeout=WITHIN_S)
    await store.receivers.create(settings("other"))

    async def acquire(notifier_id: str, *known: pb.ClaimedReceiver) -> pb.AcquireReceiversResponse:
        claims = [pb.ReceiverClaim(receiver_id=one.receiver_id, claim=one.claim, version=one.version) for one in known]
        request = pb.AcquireReceiversRequest(notifier_id=notifier_id, claims=claims)
        return await client.notifiers.AcquireReceivers(request, timeout=WITHIN_S)

    first = pb.ClaimedReceiver(receiver_id=claim.receiver_id, claim=claim.number, version=1)
    both = (await acquire("n1", first)).receivers
    assert (await acquire("n1", *both)).surplus_count == 0
    assert not (await acquire("n2")).receivers
    assert (await acquire("n1", *both)).surplus_count == 1

    unfinished = {one.receiver_id: claimed_from_message(one).unfinished for one in both}
    told = unfinished.pop(claim.receiver_id)
    assert told is not None
    assert told.tried_for_s >= 100.0
    assert replace(told, tried_for_s=100.0) == tried.unfinished
    assert list(unfinished.values()) == [None]


async def test_a_delivery_arrives_whole(client: Client, store: SqlStore) -> None:
    created = await store.receivers.create(settings())
    claim = await claim_one(client)
    told = [notice(str(uuid.UUID(int=number)), muted=number == 1) for number in range(1700)]
    dead = notification(created.id, *(change(number, previous_status=None) for number in range(1, 121)))
    delivery = Delivery(notices=told, dead=DeadNotification(dead, 3, "503"), error="503", delivered=True)

    await client.notifiers.RecordDelivery(record_request(claim, delivery), timeout=WITHIN_S)

    seen: list[Notice] = []
    token = ""
    while True:
        request = pb.ListNoticesRequest(
            receiver_id=claim.receiver_id, notifier_id="n1", claim=claim.number, page_token=token
        )
        page = await client.notifiers.ListNotices(request, timeout=WITHIN_S)
        seen += map(notice_from_message, page.notices)
        if not (token := page.next_page_token):
            break
    assert seen == told
    shown = (
        await client.receivers.GetNotification(rs.GetNotificationRequest(notification_id=dead.id), timeout=WITHIN_S)
    ).notification
    assert (shown.state, shown.attempts, shown.error, len(shown.changes)) == (rs.Notification.DEAD, 3, "503", 100)
    assert (shown.first_revision, shown.last_revision, shown.vim_count) == (1, 120, 120)

    resend = rs.ResendNotificationsRequest(receiver_id=created.id)
    assert (await client.receivers.ResendNotifications(resend, timeout=WITHIN_S)).count == 1
    listing = pb.ListQueuedNotificationsRequest(receiver_id=created.id, notifier_id="n1", claim=claim.number)
    [queued] = (await client.notifiers.ListQueuedNotifications(listing, timeout=WITHIN_S)).notifications
    assert notification_from_message(queued, "ops") == dead
    ended = Delivery(outcomes=[QueuedOutcome(dead.id, delivered=True, attempts=4)])
    await client.notifiers.RecordDelivery(record_request(claim, ended), timeout=WITHIN_S)
    assert not (await client.notifiers.ListQueuedNotifications(listing, timeout=WITHIN_S)).notifications
    deletion = rs.DeleteNotificationsRequest(receiver_id=created.id, notification_ids=[dead.id])
    assert (await client.receivers.DeleteNotifications(deletion, timeout=WITHIN_S)).count == 1


async def test_errors_show_no_secrets(client: Client, store: SqlStore) -> None:
    created = await store.receivers.create(settings())
    claim = await claim_one(client)
    error = "no answer from https://u:secret@h/?token=secret"
    dead = DeadNotification(notification(created.id, change(1)), 1, error)

    delivery = Delivery(dead=dead, error=error, gone_reason=error)
    await client.notifiers.RecordDelivery(record_request(claim, delivery), timeout=WITHIN_S)

    shown = await store.receivers.get(created.id)
    on_record = await store.receivers.get_notification(dead.notification.id)
    for text in (shown.last_error, shown.disabled_reason, on_record.error):
        assert text == "no answer from https://u:***@h/?token=***"


async def test_a_lost_claim_is_told(client: Client, store: SqlStore) -> None:
    await store.receivers.create(settings())
    claim = await claim_one(client)
    lost = Claim(claim.receiver_id, "n2", claim.number)

    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await client.notifiers.RecordDelivery(record_request(lost, Delivery()), timeout=WITHIN_S)

    failure = failure_of(refused.value)
    assert (failure.code, failure.reason) == (grpc.StatusCode.ABORTED, "CLAIM_LOST")


async def test_a_bad_delivery_is_refused_whole(client: Client) -> None:
    known: dict[str, Any] = {"receiver_id": str(uuid.UUID(int=1)), "notifier_id": "n1", "claim": 1}
    all_bad: list[dict[str, Any]] = [
        {"dead_notification": rs.Notification(id=str(uuid.UUID(int=1)))},
        {"notices": [pb.Notice(vim_id="x")]},
        {"notices": [pb.Notice(vim_id=str(uuid.UUID(int=1)), revision=2**63)]},
        {"revision": 2**64 - 1},
        {"claim": 0},
        {"notifier_id": "a b"},
        {"error": "x" * 1025},
        {"unfinished": pb.UnfinishedDelivery(last_revision=2**63)},
        {"unfinished": pb.UnfinishedDelivery(tried_for=Duration(seconds=-1))},
    ]
    for bad in all_bad:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await client.notifiers.RecordDelivery(pb.RecordDeliveryRequest(**(known | bad)), timeout=WITHIN_S)
        assert failure_of(refused.value).reason == "BAD_INPUT", bad
