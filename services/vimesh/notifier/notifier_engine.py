"""Claims receivers, and works for each one that it has in a task of its own: none delays another."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from random import SystemRandom
from typing import Final, Never

import grpc
import structlog

from vimesh.domain.notifications.receiver_errors import ClaimLost
from vimesh.domain.notifications.receivers import ClaimedReceiver, Receiver
from vimesh.notifier.lease import ReceiverLease
from vimesh.notifier.link.conductor_link import ConductorLink
from vimesh.notifier.notifier_statistics import NotifierStatistics
from vimesh.notifier.receiver_task import ReceiverTask, SenderOf, Surroundings
from vimesh.runtime.outage_log import OutageLog
from vimesh.tracing.spans import Tracer

_log = structlog.get_logger()

CLAIM_EVERY_S: Final = 2.0
"""A third of a claim: two calls may fail before it ends."""
_STOP_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class NotifierConfig:
    notifier_id: str
    """Name of this notifier, which no other has."""


async def run_notifier(
    config: NotifierConfig,
    channel: grpc.aio.Channel,
    open_sender: SenderOf,
    statistics: NotifierStatistics,
    tracer: Tracer | None = None,
) -> Never:
    """Notify receivers until cancelled; then give them back, so that others can take over at once.

    `tracer`: None: no delivery is traced.
    """
    started, began = time.time(), time.monotonic()
    around = Surroundings(
        link=ConductorLink(channel, config.notifier_id),
        open_sender=open_sender,
        statistics=statistics,
        clock=time.monotonic,
        wall_clock=lambda: started + time.monotonic() - began,
        random=SystemRandom(),
        tracer=tracer,
    )
    engine = NotifierEngine(around)
    try:
        await engine.run()
    finally:
        await engine.stop()


@dataclass(slots=True)
class _Work:
    """A receiver that is claimed, and the task that works for it."""

    lease: ReceiverLease
    work: ReceiverTask
    task: asyncio.Task[None]


class NotifierEngine:
    def __init__(self, around: Surroundings, pause: Callable[[float], Awaitable[object]] = asyncio.sleep) -> None:
        """`pause` waits for some seconds."""
        self._around = around
        self._pause = pause
        self._works: dict[str, _Work] = {}
        self._released: dict[str, ReceiverLease] = {}
        """Receivers that are to be given back, for which nothing is done any more."""
        self._surplus_count = 0
        self._ending: set[asyncio.Task[None]] = set()
        """Tasks that were cancelled, and may still close connections."""
        self._outage_log = OutageLog("conductors", "claims", meanwhile="nothing is sent once the claims have ended")

    async def run(self) -> Never:
        """Claim until cancelled."""
        while True:
            began = self._around.clock()
            await self.claim()
            await self._pause(max(0.0, began + CLAIM_EVERY_S - self._around.clock()))

    async def claim(self) -> None:
        """Renew the claims, give back what others should have, take others, and let the work follow."""
        began, statistics = self._around.clock(), self._around.statistics
        self._end_surplus()
        leases = [*(work.lease for work in self._works.values()), *self._released.values()]
        try:
            claims = await self._around.link.acquire([lease.for_renewal for lease in leases], list(self._released))
        except grpc.aio.AioRpcError as error:
            statistics.is_connected = False
            self._outage_log.note_failure(f"{error.code().name}: {error.details()}")
            return
        statistics.is_connected = True
        self._released.clear()
        self._surplus_count = claims.surplus_count
        self._outage_log.note_success()
        self._follow(claims.receivers, until=began + claims.duration_s)
        statistics.receivers = len(self._works)
        statistics.pending_changes = sum(work.work.pending_count for work in self._works.values())

    async def stop(self) -> None:
        """End all work, and give the receivers back."""
        leases = [*(work.lease for work in self._works.values()), *self._released.values()]
        for receiver_id in list(self._works):
            self._end(receiver_id)
        if self._ending:
            await asyncio.wait(self._ending, timeout=_STOP_S)
        if not leases:
            return
        try:
            ids = [lease.receiver.id for lease in leases]
            await self._around.link.acquire([lease.for_renewal for lease in leases], ids, renew_only=True)
        except grpc.aio.AioRpcError as error:
            _log.info("receivers were not given back: others take them once the claims end", why=error.details())

    def _end_surplus(self) -> None:
        """End the work for as many receivers as others should have, but for none that is being notified."""
        quiet = [receiver_id for receiver_id, work in self._works.items() if work.work.is_quiet]
        for receiver_id in quiet[: self._surplus_count]:
            self._released[receiver_id] = self._works[receiver_id].lease
            self._end(receiver_id)
        self._surplus_count = 0  # of what is not given back yet, the next answer says so again

    def _follow(self, receivers: Iterable[ClaimedReceiver], until: float) -> None:
        """Begin and end work, so that it is for what is claimed."""
        claimed = {one.receiver_id: one for one in receivers}
        for receiver_id, work in list(self._works.items()):
            present = claimed.get(receiver_id)
            if present is not None and present.claim == work.lease.claim.number and not work.task.done():
                work.lease.renew(present, until)
                continue
            self._end(receiver_id)
            if present is not None:
                self._begin(present, present.receiver or work.lease.receiver, until)
        for receiver_id, present in claimed.items():
            if receiver_id not in self._works and present.receiver is not None:
                self._begin(present, present.receiver, until)

    def _begin(self, claimed: ClaimedReceiver, receiver: Receiver, until: float) -> None:
        notifier_id = self._around.link.notifier_id
        lease = ReceiverLease(claimed, receiver, notifier_id, until, self._around.clock)
        work = ReceiverTask(lease, self._around)
        task = asyncio.create_task(self._run(work, lease))
        self._works[receiver.id] = _Work(lease, work, task)

    def _end(self, receiver_id: str) -> None:
        task = self._works.pop(receiver_id).task
        task.cancel()
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    async def _run(self, work: ReceiverTask, lease: ReceiverLease) -> None:
        try:
            await work.run()
        except ClaimLost:
            self._around.statistics.claims_lost += 1
            _log.info("the claim of a receiver has ended", receiver_id=lease.receiver.id, claim=lease.claim.number)
        except Exception:  # noqa: BLE001 - faults of one receiver's work stop here
            _log.exception("defect", receiver_id=lease.receiver.id)
