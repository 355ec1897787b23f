"""Works for one receiver as long as it is claimed: does what its agenda asks for, one step after another."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import Final, TypeVar

import grpc
import structlog

from vimesh.domain.notifications.delivery_store import Delivery
from vimesh.domain.notifications.notifications import Notification, NotificationKind
from vimesh.domain.notifications.receiver_errors import ClaimLost
from vimesh.domain.notifications.receivers import Receiver
from vimesh.notifier.agenda.agenda_steps import (
    Delayed,
    Delivered,
    Gone,
    LookUp,
    Record,
    Refused,
    Send,
    SendResult,
    Step,
    Wait,
)
from vimesh.notifier.agenda.agenda_values import VimTruth
from vimesh.notifier.agenda.receiver_agenda import ReceiverAgenda
from vimesh.notifier.lease import ReceiverLease
from vimesh.notifier.link.conductor_link import ConductorLink
from vimesh.notifier.link.vim_selection import VimSelection
from vimesh.notifier.link.vim_stream import VimStream
from vimesh.notifier.notifier_statistics import NotifierStatistics
from vimesh.notifier.senders.sender import SEND_LIMIT_S, ReceiverGone, SendDelayed, Sender, SendRefused
from vimesh.runtime.background import beside
from vimesh.runtime.backoff import Backoff
from vimesh.runtime.outage_log import OutageLog
from vimesh.tracing.current_request import enter_request, new_request_id
from vimesh.tracing.spans import Tracer, child_span, root_span

_T = TypeVar("_T")
_log = structlog.get_logger()

_FIRST_PAUSE_S: Final = 0.1
_LONGEST_PAUSE_S: Final = 2.0
_LOOK_UPS: Final = 2
"""Receivers for which VIMs are read at the same time."""

SenderOf = Callable[[Receiver], Sender]
"""Makes the sender for a receiver. Raises SendRefused if its target cannot be used."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the tasks of all receivers have in common."""

    link: ConductorLink
    open_sender: SenderOf
    statistics: NotifierStatistics
    clock: Callable[[], float]
    """Monotonic seconds."""
    wall_clock: Callable[[], float]
    """Seconds since 1970, by a clock that never jumps."""
    random: Random
    tracer: Tracer | None = None
    """None: no delivery is traced."""
    look_ups: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_LOOK_UPS))
    """Those that read VIMs: many receivers are often told of the same, and all at once would make conductors refuse."""
    snapshots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(1))
    """Those that read all VIMs because changes were missed, as they were for many receivers at the same time."""


class ReceiverTask:
    def __init__(self, lease: ReceiverLease, around: Surroundings) -> None:
        self._lease = lease
        self._around = around
        self._receiver = lease.receiver
        self._selection = VimSelection(lease.receiver.settings.watch_filter)
        self._agenda: ReceiverAgenda | None = None
        self._is_waiting = False
        self._outage_log = OutageLog("conductors", "deliveries", meanwhile="changes wait")
        self._backoff = Backoff(first_s=_FIRST_PAUSE_S, longest_s=_LONGEST_PAUSE_S, random=around.random)

    @property
    def pending_count(self) -> int:
        return self._agenda.pending_count if self._agenda else 0

    @property
    def is_quiet(self) -> bool:
        """Whether nothing is under way, so that another notifier can go on without repeating anything."""
        if self._agenda is None or not self._is_waiting or self._lease.queued_count:
            return False
        return self._agenda.is_quiet(self._around.wall_clock())

    async def run(self) -> None:
        """Work until people change the receiver, or it is gone. Raises ClaimLost once the claim may have ended."""
        around = self._around
        notices = await self._reach(partial(around.link.notices, self._lease.claim))
        agenda = self._agenda = ReceiverAgenda(
            self._receiver,
            self._lease.revision,
            notices,
            unfinished=self._lease.unfinished,
            random=around.random,
            now=around.wall_clock(),
        )
        stream = VimStream(
            around.link.vims,
            self._receiver.settings.watch_filter,
            agenda,
            around.statistics,
            news=self._lease.news,
            clock=around.wall_clock,
            random=around.random,
            snapshots=around.snapshots,
        )
        sender = self._open_sender()
        try:
            async with beside(stream.run()):
                await self._work(agenda, stream, sender)
        finally:
            around.statistics.failing_since.pop(self._receiver.id, None)
            if not isinstance(sender, SendRefused):
                await sender.close()

    def _open_sender(self) -> Sender | SendRefused:
        try:
            return self._around.open_sender(self._receiver)
        except SendRefused as error:
            return error

    async def _work(self, agenda: ReceiverAgenda, stream: VimStream, sender: Sender | SendRefused) -> None:
        now = self._around.wall_clock
        while True:
            self._check_claim()
            match agenda.next_step(now()):
                case Record(delivery):
                    await self._put_on_record(agenda, stream, delivery)
                case _ if self._lease.is_outdated:
                    return  # all that was sent is on record: what is pending is read from the log again
                case LookUp(vim_ids):
                    agenda.note_look_up(await self._look_up(vim_ids), now())
                case Send(notification):
                    if isinstance(await self._deliver(agenda, stream, sender, notification), Gone):
                        return
                case Wait(until):
                    if not await self._fetch_queued(agenda):
                        await self._wait(until - now())

    async def _deliver(
        self, agenda: ReceiverAgenda, stream: VimStream, sender: Sender | SendRefused, notification: Notification
    ) -> SendResult:
        """Try to deliver a notification, and put on record what became of it."""
        now = self._around.wall_clock
        enter_request(request_id := new_request_id())
        try:
            with root_span(self._around.tracer, "notification", request_id):
                result = await self._send(sender, notification)
                agenda.note_result(result, now())
                following = agenda.next_step(now())
                self._count(notification, result, following)
                if isinstance(following, Record):
                    await self._put_on_record(agenda, stream, following.delivery)
                return result
        finally:
            enter_request("")

    async def _put_on_record(self, agenda: ReceiverAgenda, stream: VimStream, delivery: Delivery) -> None:
        await self._reach(partial(self._around.link.record, self._lease.claim, delivery))
        agenda.note_recorded(self._around.wall_clock())
        stream.has_room.set()

    async def _look_up(self, vim_ids: Sequence[str]) -> Mapping[str, VimTruth]:
        """Return VIMs as they are now. Each call is repeated by itself, as busy conductors refuse some."""
        truths: dict[str, VimTruth] = {}
        begin = 0
        async with self._around.look_ups:
            while rest := vim_ids[begin:]:
                some, count = await self._reach(partial(self._around.link.look_up, rest, self._selection))
                truths |= some
                begin += count
        return truths

    async def _send(self, sender: Sender | SendRefused, notification: Notification) -> SendResult:
        """Send as long as the receiver is surely claimed. Raises ClaimLost."""
        if isinstance(sender, SendRefused):
            return Refused(str(sender))
        attempt = asyncio.ensure_future(_attempt(sender, notification))
        try:
            while not attempt.done():
                self._check_claim()
                await asyncio.wait({attempt}, timeout=self._lease.remaining_s)
        finally:
            attempt.cancel()
            await asyncio.wait({attempt})
        return attempt.result()

    async def _fetch_queued(self, agenda: ReceiverAgenda) -> bool:
        """Fetch what people have queued; return whether there was anything."""
        if not self._lease.queued_count:
            return False
        self._lease.queued_count = 0
        link, name = self._around.link, self._receiver.settings.name
        queued = await self._reach(partial(link.queued, self._lease.claim, name))
        agenda.queue(queued)
        return bool(queued)

    async def _wait(self, for_s: float) -> None:
        """Wait for a time, or until there is news."""
        news = self._lease.news
        self._is_waiting = True
        with suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, min(for_s, self._lease.remaining_s))):
                await news.wait()
        self._is_waiting = False
        news.clear()

    async def _reach(self, call: Callable[[], Awaitable[_T]]) -> _T:
        """Call conductors until one answers. Raises ClaimLost."""
        while True:
            self._check_claim()
            try:
                result = await call()
            except grpc.aio.AioRpcError as error:
                self._outage_log.note_failure(f"{error.code().name}: {error.details()}")
                await asyncio.sleep(self._backoff.pause_s())
            else:
                self._outage_log.note_success()
                self._backoff.reset()
                return result

    def _check_claim(self) -> None:
        if self._lease.remaining_s <= 0:
            raise ClaimLost(self._receiver.id)

    def _count(self, notification: Notification, result: SendResult, following: Step) -> None:
        """Count an attempt. What follows is that it is put on record."""
        statistics, receiver_id = self._around.statistics, self._receiver.id
        outcome = _outcome(result, following)
        statistics.notifications[str(notification.kind), outcome] += 1
        if outcome == "delayed":
            statistics.retries += 1
            statistics.failing_since.setdefault(receiver_id, self._around.clock())
            return
        statistics.failing_since.pop(receiver_id, None)
        if outcome == "delivered" and notification.kind is NotificationKind.CHANGES:
            oldest = min(change.time.timestamp() for change in notification.changes)
            statistics.delivery_age.observe(max(0.0, self._around.wall_clock() - oldest))
        if not isinstance(result, Delivered):
            _log.warning(
                "a notification was given up",
                receiver_id=receiver_id,
                receiver=self._receiver.settings.name,
                notification_id=notification.id,
                outcome=outcome,
                why=result.error,
            )


def _outcome(result: SendResult, following: Step) -> str:
    if isinstance(result, Delivered):
        return "delivered"
    if isinstance(result, Gone):
        return "gone"
    is_given_up = isinstance(following, Record) and (following.delivery.dead or following.delivery.outcomes)
    return "dead" if is_given_up or isinstance(result, Refused) else "delayed"


async def _attempt(sender: Sender, notification: Notification) -> SendResult:
    try:
        with child_span("delivery"):
            async with asyncio.timeout(SEND_LIMIT_S):
                await sender.send(notification)
    except SendDelayed as error:
        return Delayed(str(error), error.retry_after_s)
    except SendRefused as error:
        return Refused(str(error))
    except ReceiverGone as error:
        return Gone(str(error))
    except TimeoutError:
        return Delayed(f"the receiver did not take the notification within {SEND_LIMIT_S:g} s")
    except Exception as error:  # noqa: BLE001 - a fault of a sender is one of its receiver
        _log.exception("defect", receiver_id=notification.receiver_id)
        return Delayed(f"a defect of the sender: {type(error).__name__}; see the log of the notifier")
    return Delivered()
