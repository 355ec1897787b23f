"""Serves NotifierService: gives each receiver to one notifier at a time, and records what that one has delivered."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any, Final

import grpc

from vimesh.domain.notifications.delivery_store import ClaimRequest, DeliveryStore
from vimesh.domain.notifications.notifications import StoredNotification
from vimesh.domain.notifications.receivers import CLAIM_S
from vimesh.v1 import notifier_service_pb2 as pb
from vimesh.v1.notifier_service_pb2_grpc import NotifierServiceServicer
from vimesh.wire.limits import MAX_MESSAGE_BYTES
from vimesh.wire.notifications.delivery_messages import (
    claim_from_message,
    claimed_message,
    delivery_from_message,
    notice_message,
    receiver_claim,
)
from vimesh.wire.notifications.notification_messages import stored_notification_message
from vimesh.wire.request_messages import id_of
from vimesh.wire.wire_durations import duration

_Context = grpc.aio.ServicerContext[Any, Any]
_NOTICES: Final = 800
"""Notices in a page: with the longest texts, it has 3 MiB."""


class NotifierServicer(NotifierServiceServicer):
    def __init__(self, store: DeliveryStore) -> None:
        self._store = store

    async def AcquireReceivers(
        self, request: pb.AcquireReceiversRequest, context: _Context
    ) -> pb.AcquireReceiversResponse:
        acquired = await self._store.acquire(
            ClaimRequest(
                notifier_id=request.notifier_id,
                claims=list(map(receiver_claim, request.claims)),
                release_ids=list(map(id_of, request.release_receiver_ids)),
                renew_only=request.renew_only,
            )
        )
        return pb.AcquireReceiversResponse(
            receivers=map(claimed_message, acquired.receivers),
            claim_duration=duration(CLAIM_S),
            surplus_count=acquired.surplus_count,
        )

    async def ListNotices(self, request: pb.ListNoticesRequest, context: _Context) -> pb.ListNoticesResponse:
        notices, token = await self._store.notices(claim_from_message(request), _NOTICES, request.page_token)
        return pb.ListNoticesResponse(notices=map(notice_message, notices), next_page_token=token)

    async def ListQueuedNotifications(
        self, request: pb.ListQueuedNotificationsRequest, context: _Context
    ) -> pb.ListQueuedNotificationsResponse:
        queued = await self._store.queued(claim_from_message(request))
        # In a thread, as below: one has up to 10,000 changes, each of which takes some microseconds.
        return await asyncio.to_thread(_queued_response, queued)

    async def RecordDelivery(self, request: pb.RecordDeliveryRequest, context: _Context) -> pb.RecordDeliveryResponse:
        delivery = await asyncio.to_thread(delivery_from_message, request)
        await self._store.record(claim_from_message(request), delivery)
        return pb.RecordDeliveryResponse()


def _queued_response(queued: Iterable[StoredNotification]) -> pb.ListQueuedNotificationsResponse:
    response = pb.ListQueuedNotificationsResponse(notifications=map(stored_notification_message, queued))
    if response.ByteSize() > MAX_MESSAGE_BYTES:
        # The store bounds those that come together. One that is too large alone is given up by its notifier, which
        # would otherwise never get at what comes after it.
        del response.notifications[1:]
        response.notifications[0].ClearField("changes")
    return response
