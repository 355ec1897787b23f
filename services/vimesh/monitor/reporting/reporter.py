"""Sends reports to the conductors, in batches."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Never

import grpc
import structlog

from vimesh.monitor.reporting.report_ledger import ReportLedger, SentReport
from vimesh.monitor.reporting.report_messages import reports_to_wire, status_from_wire
from vimesh.monitor.scheduling.stall_clock import Clock
from vimesh.monitor.statistics.report_statistics import BAD_ANSWER, OK, UNWRITABLE
from vimesh.runtime.backoff import Backoff
from vimesh.runtime.outage_log import OutageLog
from vimesh.tracing.current_request import enter_request, new_request_id, request_metadata
from vimesh.tracing.spans import Tracer, root_span
from vimesh.v1 import conductor_service_pb2
from vimesh.wire.wire_durations import seconds

if TYPE_CHECKING:  # exists for type checkers only
    from vimesh.v1.conductor_service_pb2_grpc import ConductorServiceAsyncStub

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class ReporterLimits:
    batch: int = 500
    """Reports in one call; the contract allows 1000."""
    calls: int = 4
    """Calls in flight."""
    call_timeout_s: float = 10.0
    gather_s: float = 0.003
    """How long a change waits for others to share its batch."""
    first_pause_s: float = 0.2
    longest_pause_s: float = 5.0


class Reporter:
    """Reports each change to the conductors at once, and makes contact as often as they request.

    Reports that fail are not repeated: the newest verdict is sent when a conductor can be reached again (G10).
    """

    def __init__(  # noqa: PLR0913 - it connects the ledger, the actions and the conductors
        self,
        stub: ConductorServiceAsyncStub,
        ledger: ReportLedger,
        *,
        recheck: Callable[[str, str], object],
        on_bad_action: Callable[[str, str], object],
        clock: Clock,
        random: Random,
        limits: ReporterLimits | None = None,
        tracer: Tracer | None = None,
    ) -> None:
        """Both callbacks get (vim_id, action_id). `tracer`: None: no batch is traced.

        `recheck` is called before each report, and may queue another verdict. `on_bad_action` must end an action that
        is no longer wanted.
        """
        self._stub = stub
        self._ledger = ledger
        self._statistics = ledger.statistics
        self._recheck = recheck
        self._on_bad_action = on_bad_action
        self._clock = clock
        self._limits = limits or ReporterLimits()
        self._outage_log = OutageLog("conductors", "reports", meanwhile="probing goes on")
        self._backoff = Backoff(
            first_s=self._limits.first_pause_s,
            longest_s=self._limits.longest_pause_s,
            random=random,
        )
        self._tracer = tracer
        self._paused_until = 0.0

    async def run(self) -> Never:
        """Report until cancelled."""
        free_calls = asyncio.Semaphore(self._limits.calls)
        async with asyncio.TaskGroup() as calls:
            while True:
                await free_calls.acquire()
                await self._wait_until_ready()
                batch = self._ledger.take_batch(self._clock(), self._limits.batch, self._recheck)
                call = calls.create_task(self._send(batch))
                call.add_done_callback(lambda _: free_calls.release())

    async def _wait_until_ready(self) -> None:
        while True:
            self._ledger.news.clear()
            now = self._clock()
            if now < self._paused_until:
                await asyncio.sleep(self._paused_until - now)
            elif self._ledger.has_ready(now):
                await asyncio.sleep(self._limits.gather_s)
                return
            else:
                await self._wait_for_wake(now)

    async def _wait_for_wake(self, now: float) -> None:
        contact_at = self._ledger.next_contact()
        try:
            async with asyncio.timeout(None if contact_at is None else contact_at - now):
                await self._ledger.news.wait()
        except TimeoutError:
            pass

    async def _send(self, batch: list[SentReport]) -> None:
        if not batch:
            return
        enter_request(request_id := new_request_id())
        try:
            request = reports_to_wire(batch)
            with root_span(self._tracer, "report batch", request_id):
                response = await self._stub.UpdateVims(
                    request, timeout=self._limits.call_timeout_s, metadata=request_metadata()
                )
        except ValueError as error:
            # A number or a text that protobuf cannot represent.
            self._statistics.count_batch(UNWRITABLE)
            await self._divide(batch, str(error))
        except grpc.aio.AioRpcError as error:
            self._statistics.count_batch(error.code().name.lower())
            if error.code() is grpc.StatusCode.INVALID_ARGUMENT:
                await self._divide(batch, error.details() or "")
            else:
                self._pause(f"{error.code().name}: {error.details()}")
        else:
            self._apply_response(batch, response)
        finally:
            # Whatever happened, no report may count as on its way forever.
            for sent in batch:
                if sent.entry.in_flight:
                    self._ledger.handle_bounced(sent)
            self._ledger.news.set()

    async def _divide(self, batch: list[SentReport], why: str) -> None:
        """Find the report that spoils the batch, so that the others get through."""
        if len(batch) > 1:
            middle = len(batch) // 2
            await self._send(batch[:middle])
            await self._send(batch[middle:])
            return
        self._handle_refused(batch[0], why, self._clock())

    def _handle_refused(self, sent: SentReport, why: str, now: float) -> None:
        _log.error("report refused", report=sent.report, why=why)
        self._ledger.handle_refused(sent, now)

    def _apply_response(self, batch: list[SentReport], response: conductor_service_pb2.UpdateVimsResponse) -> None:
        if len(response.outcomes) != len(batch):
            self._statistics.count_batch(BAD_ANSWER)
            self._pause(f"{len(response.outcomes)} outcomes for {len(batch)} reports")
            return
        self._statistics.count_batch(OK)
        self._backoff.reset()
        self._outage_log.note_success()
        now = self._clock()
        for sent, outcome in zip(batch, response.outcomes, strict=True):
            self._apply_outcome(sent, outcome, now)

    def _apply_outcome(self, sent: SentReport, outcome: conductor_service_pb2.UpdateVimResponse, now: float) -> None:
        within_s = seconds(outcome.contact_within)
        kind = outcome.WhichOneof("outcome")
        entry = sent.entry
        if kind == "bad_action":
            entry.in_flight = False
            self._statistics.bad_actions += 1
            self._ledger.remove_action(entry.vim_id, entry.action_id)
            self._on_bad_action(entry.vim_id, entry.action_id)
        elif kind == "refused":
            self._handle_refused(sent, outcome.refused.message, now)
        elif kind is None:
            # An outcome of a later version: it must not end monitoring, so make the next contact as usual.
            self._ledger.handle_recorded(sent, now, within_s)
        elif outcome.newest_observation:
            status = status_from_wire(outcome.status)
            self._ledger.handle_late(sent, now, within_s, status, outcome.newest_observation)
        else:
            self._ledger.handle_recorded(sent, now, within_s)

    def _pause(self, why: str) -> None:
        self._outage_log.note_failure(why)
        now = self._clock()
        # Several calls that fail together count as one failure.
        if now >= self._paused_until:
            self._paused_until = now + self._backoff.pause_s()
