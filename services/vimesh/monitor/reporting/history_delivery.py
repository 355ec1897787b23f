"""Delivers the digests of rounds to the conductors, in batches spread over the time that they ask for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Final, Never

import grpc
import structlog

from vimesh.domain.history.round_digests import MINUTE_S, RECORD_BYTES
from vimesh.monitor.reporting.pending_digests import Batch, PendingDigests
from vimesh.monitor.scheduling.stall_clock import Clock
from vimesh.monitor.targets.round_history import RoundHistory
from vimesh.monitor.targets.target import Target
from vimesh.runtime.backoff import Backoff
from vimesh.runtime.loop_slices import in_slices
from vimesh.runtime.outage_log import OutageLog
from vimesh.tracing.current_request import enter_request, new_request_id, request_metadata
from vimesh.tracing.spans import Tracer, root_span
from vimesh.v1 import history_service_pb2
from vimesh.wire.wire_durations import seconds

if TYPE_CHECKING:  # exists for type checkers only
    from vimesh.v1.history_service_pb2_grpc import HistoryServiceAsyncStub

_log = structlog.get_logger()

_USELESS: Final = frozenset(
    {grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.UNIMPLEMENTED}
)
"""What a repeated delivery would be answered again."""
_DELIVER_WITHIN_S: Final = (1.0, 3600.0)


@dataclass(frozen=True, slots=True)
class DeliveryLimits:
    batch: int = 500
    """Actions in one call; the contract allows 1000."""
    call_timeout_s: float = 10.0
    last_call_s: float = 1.0
    """How long a process that ends takes to deliver what is left."""
    first_pause_s: float = 1.0
    longest_pause_s: float = 60.0


class HistoryDelivery:
    """Ends the minutes of a history and delivers them. Probing never waits for it, and loses nothing by its faults."""

    def __init__(  # noqa: PLR0913 - it connects the history and the conductors
        self,
        stub: HistoryServiceAsyncStub,
        history: RoundHistory,
        *,
        clock: Clock,
        random: Random,
        pending: PendingDigests | None = None,
        limits: DeliveryLimits | None = None,
        tracer: Tracer | None = None,
    ) -> None:
        self.pending = PendingDigests() if pending is None else pending
        self._stub = stub
        self._history = history
        self._clock = clock
        self._random = random
        self._limits = limits or DeliveryLimits()
        self._tracer = tracer
        self._ahead_s: float | None = None
        """How far the clock of the database is ahead of ours; None if that is not known yet."""
        self._within_s = float(MINUTE_S)
        self._outage_log = OutageLog("conductors", "digests of rounds", meanwhile="probing goes on")
        self._backoff = Backoff(
            first_s=self._limits.first_pause_s, longest_s=self._limits.longest_pause_s, random=random
        )
        self._told_dropped = 0

    async def end_minutes(self, sleep: Callable[[float], Awaitable[object]] = asyncio.sleep) -> Never:
        """Make the digests of each minute when it is over. Runs until cancelled."""
        while True:
            await sleep(self.minute_left_s())
            await self.end_minute()

    def minute_left_s(self) -> float:
        """Return how long the minute still lasts, by the clock of the database if that is known."""
        return MINUTE_S - self._time_s() % MINUTE_S

    async def end_minute(self) -> None:
        """Make the digests of the minute that is over now. They are dropped while nobody has said what time it is."""
        # A timer may be late, or early by a hair.
        await self._make_digests(round(self._time_s() / MINUTE_S) - 1)

    def _time_s(self) -> float:
        return self._clock() + (self._ahead_s or 0.0)

    async def _make_digests(self, slot: int) -> None:
        keep = self._drop if self._ahead_s is None else self._keep
        await in_slices(keep, self._history.end_minute(max(0, slot)))
        if self.pending.dropped > self._told_dropped:
            _log.warning("digests of rounds were dropped", count=self.pending.dropped - self._told_dropped)
            self._told_dropped = self.pending.dropped

    def _keep(self, records: Sequence[tuple[Target, bytes]]) -> None:
        add = self.pending.add
        for target, record in records:
            add(target.owner, record)
            for action in target.sharers or ():
                add(action, record)

    def _drop(self, records: Sequence[tuple[Target, bytes]]) -> None:
        self.pending.drop(len(records))

    async def run(self) -> Never:
        """Deliver until cancelled, and once more then. The first call delivers nothing: it asks for the time."""
        try:
            batch: Batch = {}
            while True:
                if await self.deliver(batch):
                    batches = -(-len(self.pending) // self._limits.batch)
                    await asyncio.sleep(self._within_s / max(1, batches) * self._random.uniform(0.9, 1.0))
                else:
                    await asyncio.sleep(self._backoff.pause_s())
                batch = self.pending.take(self._limits.batch)
        except asyncio.CancelledError:
            await self._deliver_rest()
            raise

    async def _deliver_rest(self) -> None:
        try:
            async with asyncio.timeout(self._limits.last_call_s):
                await self._make_digests(int(self._time_s() // MINUTE_S))
                while (batch := self.pending.take(self._limits.batch)) and await self.deliver(batch):
                    pass
        except TimeoutError:
            _log.info("the last digests of rounds were not delivered", actions=len(self.pending))

    async def deliver(self, batch: Batch) -> bool:
        """Deliver some digests, and learn the time; return whether that was possible. If not, they are kept."""
        enter_request(request_id := new_request_id())
        request = history_service_pb2.RecordDigestsRequest()
        for (vim_id, action_id), records in batch.items():
            request.actions.add(vim_id=vim_id, action_id=action_id, digests=records)
        sent_at = self._clock()
        try:
            with root_span(self._tracer, "history batch", request_id):
                answer = await self._stub.RecordDigests(
                    request, timeout=self._limits.call_timeout_s, metadata=request_metadata()
                )
        except grpc.aio.AioRpcError as error:
            self._outage_log.note_failure(f"{error.code().name}: {error.details()}")
            if error.code() in _USELESS:
                self.pending.drop(sum(map(len, batch.values())) // RECORD_BYTES)
            else:
                self.pending.put_back(batch)
            return False
        except BaseException:
            self.pending.put_back(batch)
            raise
        self._outage_log.note_success()
        self._backoff.reset()
        # Halfway between the call and its answer.
        self._ahead_s = answer.time.seconds + answer.time.nanos / 1e9 - (sent_at + self._clock()) / 2
        shortest, longest = _DELIVER_WITHIN_S
        self._within_s = min(max(seconds(answer.deliver_within), shortest), longest)
        return True
