"""Calls conductors by way of the front: claims, notices, deliveries, and VIMs as they are at present."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import grpc
import structlog

from vimesh.domain.errors import BadInput
from vimesh.domain.notifications.delivery_store import Claim, Delivery
from vimesh.domain.notifications.notices import Notice
from vimesh.domain.notifications.notifications import Notification
from vimesh.domain.notifications.receiver_errors import ClaimLost
from vimesh.domain.notifications.receivers import ClaimedReceiver, ReceiverClaim
from vimesh.notifier.agenda.agenda_values import VimTruth
from vimesh.notifier.link.agenda_messages import vim_truth
from vimesh.notifier.link.delivery_parts import is_refused_for_good, next_less, parts_of
from vimesh.notifier.link.vim_selection import VimSelection
from vimesh.runtime.complaint_log import ComplaintLog
from vimesh.tracing.current_request import request_metadata
from vimesh.v1 import notifier_service_pb2 as pb
from vimesh.v1 import vim_service_pb2
from vimesh.v1.notifier_service_pb2_grpc import NotifierServiceStub
from vimesh.v1.receiver_service_pb2 import Notification as NotificationMessage
from vimesh.v1.vim_service_pb2_grpc import VimServiceStub
from vimesh.wire.error_statuses import failure_of
from vimesh.wire.limits import MAX_BATCH_IDS
from vimesh.wire.notifications.delivery_messages import claimed_from_message, notice_from_message, record_request
from vimesh.wire.notifications.notification_messages import notification_from_message
from vimesh.wire.wire_durations import seconds

if TYPE_CHECKING:  # exists for type checkers only
    from vimesh.v1.notifier_service_pb2_grpc import NotifierServiceAsyncStub
    from vimesh.v1.vim_service_pb2_grpc import VimServiceAsyncStub

_log = structlog.get_logger()

CALL_LIMIT_S: Final = 10.0
ACQUIRE_LIMIT_S: Final = 3.0
"""Shorter than a claim, so that there is time for another attempt."""
_CLAIM_LOST: Final = "CLAIM_LOST"


@dataclass(frozen=True, slots=True)
class Claims:
    """What a notifier has from now on."""

    receivers: Sequence[ClaimedReceiver]
    duration_s: float
    """How long it has them, from some time after the call began."""
    surplus_count: int = 0
    """How many of them it should release, each once nothing is to be sent to it."""


class ConductorLink:
    """All methods raise grpc.aio.AioRpcError, and those for a claim ClaimLost."""

    def __init__(self, front: grpc.aio.Channel, notifier_id: str) -> None:
        self._notifier: NotifierServiceAsyncStub = NotifierServiceStub(front)
        self.vims: VimServiceAsyncStub = VimServiceStub(front)
        self.notifier_id = notifier_id
        self._complaints = ComplaintLog("a receiver is of a kind that this version does not know")

    async def acquire(
        self, claims: Iterable[ReceiverClaim], release_ids: Collection[str] = (), *, renew_only: bool = False
    ) -> Claims:
        """Renew claims, release some of them, and take others unless the notifier is about to stop."""
        request = pb.AcquireReceiversRequest(
            notifier_id=self.notifier_id,
            claims=[
                pb.ReceiverClaim(receiver_id=one.receiver_id, claim=one.claim, version=one.version) for one in claims
            ],
            release_receiver_ids=release_ids,
            renew_only=renew_only,
        )
        response = await self._notifier.AcquireReceivers(request, timeout=ACQUIRE_LIMIT_S)
        receivers = list(self._usable(response.receivers))
        return Claims(receivers, seconds(response.claim_duration), response.surplus_count)

    def _usable(self, messages: Iterable[pb.ClaimedReceiver]) -> Iterator[ClaimedReceiver]:
        """Yield the receivers but for those whose kind only a later version knows: their claims end."""
        for message in messages:
            try:
                yield claimed_from_message(message)
            except BadInput as error:
                self._complaints.add(receiver_id=message.receiver_id, why=str(error))

    async def notices(self, claim: Claim) -> list[Notice]:
        notices: list[Notice] = []
        token = ""
        while True:
            request = pb.ListNoticesRequest(
                receiver_id=claim.receiver_id, notifier_id=claim.notifier_id, claim=claim.number, page_token=token
            )
            async with _claim_losses(claim):
                response = await self._notifier.ListNotices(request, timeout=CALL_LIMIT_S)
            notices += map(notice_from_message, response.notices)
            token = response.next_page_token
            if not token:
                return notices

    async def queued(self, claim: Claim, receiver_name: str) -> list[Notification]:
        request = pb.ListQueuedNotificationsRequest(
            receiver_id=claim.receiver_id, notifier_id=claim.notifier_id, claim=claim.number
        )
        async with _claim_losses(claim):
            response = await self._notifier.ListQueuedNotifications(request, timeout=CALL_LIMIT_S)
        return [readable_notification(message, receiver_name) for message in response.notifications]

    async def record(self, claim: Claim, delivery: Delivery) -> None:
        """Put a delivery on record; what conductors refuse for good is left out."""
        for part in parts_of(delivery):
            await self._record_part(claim, part)

    async def _record_part(self, claim: Claim, part: Delivery) -> None:
        try:
            async with _claim_losses(claim):
                await self._notifier.RecordDelivery(
                    record_request(claim, part), timeout=CALL_LIMIT_S, metadata=request_metadata()
                )
        except grpc.aio.AioRpcError as error:
            less = next_less(part) if is_refused_for_good(error) else None
            if less is None:
                raise
            why = f"{error.code().name}: {error.details()}"
            dead_id = part.dead.notification.id if part.dead else ""
            _log.error("not all is put on record", receiver_id=claim.receiver_id, why=why, dead_notification_id=dead_id)
            await self._record_part(claim, less)

    async def look_up(self, vim_ids: Sequence[str], selection: VimSelection) -> tuple[Mapping[str, VimTruth], int]:
        """Return the first of some VIMs as they are now, without those that do not exist, and of how many ids."""
        request = vim_service_pb2.BatchGetVimsRequest(vim_ids=vim_ids[:MAX_BATCH_IDS])
        response = await self.vims.BatchGetVims(request, timeout=CALL_LIMIT_S)
        vims = [result.vim for result in response.results if result.HasField("vim")]
        truths = {vim.id: vim_truth(vim, is_selected=selection.selects(vim)) for vim in vims}
        return truths, max(1, len(response.results))


def readable_notification(message: NotificationMessage, receiver_name: str) -> Notification:
    """Return a queued notification; without changes, if only a later version can read it: it cannot be sent."""
    try:
        return notification_from_message(message, receiver_name)
    except (KeyError, ValueError):
        bare = NotificationMessage(id=message.id, receiver_id=message.receiver_id, kind=NotificationMessage.CHANGES)
        return notification_from_message(bare, receiver_name)


@asynccontextmanager
async def _claim_losses(claim: Claim) -> AsyncGenerator[None]:
    """Raise ClaimLost if the conductor says so in the block."""
    try:
        yield
    except grpc.aio.AioRpcError as error:
        if failure_of(error).reason == _CLAIM_LOST:
            raise ClaimLost(claim.receiver_id) from error
        raise
