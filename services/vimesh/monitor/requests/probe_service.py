"""Makes the probes that conductors ask for, by a stream with each of them."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Any, Final, Never

import grpc

from vimesh.domain.probes.asked_probes import MAX_BATCH
from vimesh.monitor.host.requested_rounds import RequestedRounds
from vimesh.monitor.targets.verdict import Verdict
from vimesh.monitor.traces.probe_trace import ProbeTrace
from vimesh.runtime.backoff import Backoff
from vimesh.runtime.outage_log import OutageLog
from vimesh.v1 import conductor_service_pb2 as pb
from vimesh.wire.probes.evidence_messages import evidence_message
from vimesh.wire.probes.probe_messages import asked_probe, probe_answer
from vimesh.wire.wire_durations import seconds

if TYPE_CHECKING:  # exists for type checkers only
    from vimesh.v1.conductor_service_pb2_grpc import ConductorServiceAsyncStub

_LONGEST_WITHIN_S: Final = 60.0
_NOT_A_LOSS: Final = frozenset({grpc.StatusCode.NOT_FOUND, grpc.StatusCode.UNIMPLEMENTED})
"""It has not joined the pool yet, or the conductor is of an earlier version."""


@dataclass(frozen=True, slots=True)
class ProbeServiceLimits:
    silence_s: float = 20.0
    """Conductors send a sign of life every few seconds: a stream that is silent for longer than this is dead."""
    first_pause_s: float = 0.1
    longest_pause_s: float = 5.0


class _Stream:
    """One stream with one conductor. One task reads, and one writes."""

    def __init__(self, call: Any) -> None:  # noqa: ANN401 - a generic class of grpc
        self._call = call
        self._answers: list[pb.ProbeAnswer] = []
        self._traced: deque[tuple[pb.ProbeAnswer, ProbeTrace]] = deque()
        """Answers that are to be sent with their evidence, one in a message: that may be long."""
        self._has_answers = asyncio.Event()

    async def open(self, monitor_id: str, within_s: float) -> pb.ServeProbesResponse | None:
        """Name the monitor; return the first message, None if there is none. Raises AioRpcError, TimeoutError."""
        async with asyncio.timeout(within_s):
            await self._call.write(pb.ServeProbesRequest(monitor_id=monitor_id))
            return await self.read()

    async def read(self) -> pb.ServeProbesResponse | None:
        response = await self._call.read()
        return response if isinstance(response, pb.ServeProbesResponse) else None

    def cancel(self) -> None:
        self._call.cancel()

    def answer(self, probe_id: int, verdict: Verdict) -> None:
        """Send what was seen, soon."""
        self._answers.append(_answer(probe_id, verdict))
        self._has_answers.set()

    def answer_with(self, probe_id: int, trace: ProbeTrace, verdict: Verdict) -> None:
        """Send what was seen, with its evidence."""
        self._traced.append((_answer(probe_id, verdict), trace))
        self._has_answers.set()

    async def write(self) -> Never:
        """Be ready, and send answers until cancelled."""
        await self._call.write(pb.ServeProbesRequest(ready=True))
        while True:
            await self._has_answers.wait()
            self._has_answers.clear()
            while self._answers or self._traced:
                if batch := self._answers[:MAX_BATCH]:
                    del self._answers[:MAX_BATCH]
                    await self._call.write(pb.ServeProbesRequest(answers=batch))
                if self._traced:
                    answer, trace = self._traced.popleft()
                    # Not in the loop: a peer has chosen the bytes that are read for it.
                    answer.evidence.CopyFrom(evidence_message(await asyncio.to_thread(trace.evidence)))
                    await self._call.write(pb.ServeProbesRequest(answers=[answer]))


class ProbeService:
    """Opens streams until there is one with each conductor: the front decides which conductor gets the next one."""

    def __init__(
        self,
        stub: ConductorServiceAsyncStub,
        monitor_id: str,
        rounds: RequestedRounds,
        *,
        limits: ProbeServiceLimits,
        random: Random,
    ) -> None:
        self._stub = stub
        self._monitor_id = monitor_id
        self._rounds = rounds
        self._limits = limits
        self._streams: dict[str, _Stream] = {}
        """By the id of the conductor."""
        self._conductors = 1
        self._changed = asyncio.Event()
        self._backoff = Backoff(first_s=limits.first_pause_s, longest_s=limits.longest_pause_s, random=random)
        self._outage_log = OutageLog("conductors", "probe requests", meanwhile="nobody can ask for probes here")
        self.monitors = 0
        """How many share the VIMs, this one included, as a conductor said last; 0: none has said it."""

    @property
    def conductors(self) -> int:
        """How many conductors can ask for probes here."""
        return len(self._streams)

    async def run(self) -> Never:
        """Serve until cancelled."""
        # After a fault, the streams of before are gone.
        self._streams.clear()
        async with asyncio.TaskGroup() as tasks:
            while True:
                self._changed.clear()
                if len(self._streams) >= self._conductors:
                    await self._changed.wait()
                elif await self._open_one(tasks):
                    self._backoff.reset()
                else:
                    await asyncio.sleep(self._backoff.pause_s())
        raise AssertionError("it runs until cancelled")

    async def _open_one(self, tasks: asyncio.TaskGroup) -> bool:
        """Open one more stream; return whether it is with a conductor that had none."""
        stream, is_kept = _Stream(self._stub.ServeProbes()), False
        try:
            first = await stream.open(self._monitor_id, self._limits.silence_s)
            if first is None or not first.conductor_id:
                return False
            self._outage_log.note_success()
            self._note_numbers(first)
            if first.conductor_id not in self._streams:
                self._streams[first.conductor_id] = stream
                tasks.create_task(self._serve(first.conductor_id, stream))
                is_kept = True
        except TimeoutError:
            self._note_loss("no answer")
        except grpc.aio.AioRpcError as error:
            if error.code() not in _NOT_A_LOSS:
                self._note_loss(f"{error.code().name}: {error.details()}")
        finally:
            if not is_kept:
                stream.cancel()
        return is_kept

    def _note_loss(self, why: str) -> None:
        # While there are others, this may be a conductor that is gone, and counted for a while.
        if not self._streams:
            self._outage_log.note_failure(why)

    def _note_numbers(self, response: pb.ServeProbesResponse) -> None:
        self.monitors = response.monitors
        if response.conductors != self._conductors:
            self._conductors = max(1, response.conductors)
            self._changed.set()

    async def _serve(self, conductor_id: str, stream: _Stream) -> None:
        """Serve one stream until it ends. What ends it is no trouble here: another one is opened."""
        writing = asyncio.ensure_future(stream.write())
        try:
            while True:
                async with asyncio.timeout(self._limits.silence_s):
                    response = await stream.read()
                if response is None or response.end:
                    return
                if response.conductor_id:
                    self._note_numbers(response)
                for request in response.probes:
                    self._probe(stream, request)
        except (TimeoutError, grpc.aio.AioRpcError):
            pass
        finally:
            del self._streams[conductor_id]
            if not self._streams:
                self.monitors = 0  # nobody says so any more
            self._changed.set()
            stream.cancel()
            writing.cancel()
            await asyncio.wait([writing])
            _ = writing.cancelled() or writing.exception()

    def _probe(self, stream: _Stream, request: pb.RequestedProbe) -> None:
        within_s, probe = min(seconds(request.within), _LONGEST_WITHIN_S), asked_probe(request)
        if probe.wants_evidence:
            trace = self._rounds.new_trace()
            self._rounds.start(probe, within_s, partial(stream.answer_with, request.probe_id, trace), trace)
        else:
            self._rounds.start(probe, within_s, partial(stream.answer, request.probe_id))


def _answer(probe_id: int, verdict: Verdict) -> pb.ProbeAnswer:
    return probe_answer(probe_id, verdict.status, verdict.reason, verdict.detail, verdict.round_trip_s)
