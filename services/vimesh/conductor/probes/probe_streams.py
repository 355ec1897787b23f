"""Serves the streams by which monitors are asked for probes."""

from __future__ import annotations

import asyncio
import random
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Final

from vimesh.conductor.pool.pool_upkeep import PoolUpkeep
from vimesh.conductor.probes.asked_monitors import AskedMonitor, AskedMonitors
from vimesh.domain.access.caller import Caller
from vimesh.domain.errors import BadInput, PermissionDenied, Violation
from vimesh.domain.pool.pool_errors import MonitorNotFound
from vimesh.domain.pool.pool_members import PoolMonitor
from vimesh.domain.pool.pool_store import PoolStore
from vimesh.v1 import conductor_service_pb2 as pb
from vimesh.v1 import vim_pb2
from vimesh.wire.request_messages import id_of

_HELLO_S: Final = 5.0
"""How long a monitor may take to name itself."""
_BEAT_S: Final = 5.0
_MAX_AGE_S: Final = 600.0
"""A stream ends after this time (less up to a fifth): who may not be a monitor any more does not stay one by it."""
_DRAIN_S: Final = 1.0
"""For how long a stream that is to end waits for what was asked by it."""
_LOOK_S: Final = 1.0
"""How soon a monitor is told how many there are now."""
_ENDING_LOOK_S: Final = 0.02


class ProbeStreams:
    def __init__(
        self, store: PoolStore, upkeep: PoolUpkeep, monitors: AskedMonitors, clock: Callable[[], float]
    ) -> None:
        self._store = store
        self._upkeep = upkeep
        self._monitors = monitors
        self._clock = clock
        self._conductor_id = str(uuid.uuid4())

    async def serve(
        self, requests: AsyncIterator[pb.ServeProbesRequest], caller: Caller
    ) -> AsyncGenerator[pb.ServeProbesResponse]:
        """Yield requests for probes, and signs of life. Raises BadInput, MonitorNotFound, PermissionDenied."""
        hello = await _first_of(requests)
        member = await self._member(hello, caller)
        # It may have joined at another conductor a moment ago.
        await self._upkeep.refresh()
        with self._monitors.connected(member.monitor_id, member.vantage) as monitor:
            monitor.is_ready = hello.ready
            reading = asyncio.ensure_future(_read(requests, monitor))
            try:
                async for response in self._responses(monitor, reading):
                    yield response
            finally:
                reading.cancel()
                await asyncio.wait([reading])
            if not reading.cancelled():
                reading.result()

    async def _member(self, hello: pb.ServeProbesRequest, caller: Caller) -> PoolMonitor:
        monitor_id = id_of(hello.monitor_id)
        for monitor in await self._store.list_monitors():
            if monitor.monitor_id == monitor_id:
                if monitor.identity != caller.identity:
                    raise PermissionDenied(f"monitor {monitor_id} belongs to another identity")
                return monitor
        raise MonitorNotFound(monitor_id)

    async def _responses(
        self, monitor: AskedMonitor, reading: asyncio.Future[None]
    ) -> AsyncGenerator[pb.ServeProbesResponse]:
        said: tuple[int, int] | None = None
        beat_at = self._clock()
        ends_at = beat_at + _MAX_AGE_S * (1 - random.random() / 5)  # noqa: S311 - it spreads streams, and is not a secret
        end = vim_pb2.WATCH_END_UNSPECIFIED
        while not reading.done():
            monitor.news.clear()
            # One that drains is none of those that get VIMs, and has its own for a while.
            members = {member.monitor_id for member in self._upkeep.assignment(monitor.vantage).members}
            numbers = self._upkeep.conductors, len(members | {monitor.monitor_id})
            if not end and self._is_over(monitor, ends_at):
                # Nobody asks by it any more, and who has asked is answered.
                end = vim_pb2.WATCH_END_DRAINING if self._monitors.draining else vim_pb2.WATCH_END_AGED
                monitor.is_ready, monitor.is_ending = False, True
                ends_at = self._clock() + _DRAIN_S
            if end and (not monitor.open_probes or self._clock() >= ends_at):
                yield pb.ServeProbesResponse(end=end)
                return
            if requests := monitor.take_requests():
                yield pb.ServeProbesResponse(probes=requests)
            elif numbers != said or self._clock() >= beat_at:
                said, beat_at = numbers, self._clock() + _BEAT_S
                conductors, monitors = numbers
                yield pb.ServeProbesResponse(conductor_id=self._conductor_id, conductors=conductors, monitors=monitors)
            else:
                try:
                    async with asyncio.timeout(_ENDING_LOOK_S if end else _LOOK_S):
                        await monitor.news.wait()
                except TimeoutError:
                    pass

    def _is_over(self, monitor: AskedMonitor, ends_at: float) -> bool:
        """Return whether the stream is to end: it is old, the conductor ends, or the monitor has left the pool."""
        is_member = self._upkeep.vantage_of(monitor.monitor_id) is not None
        return self._monitors.draining or not is_member or self._clock() >= ends_at


async def _first_of(requests: AsyncIterator[pb.ServeProbesRequest]) -> pb.ServeProbesRequest:
    try:
        async with asyncio.timeout(_HELLO_S):
            async for request in requests:
                if request.monitor_id:
                    return request
                break
    except TimeoutError:
        pass
    raise BadInput(Violation("monitor_id", "is required in the first message"))


async def _read(requests: AsyncIterator[pb.ServeProbesRequest], monitor: AskedMonitor) -> None:
    """Take answers until the monitor ends the stream."""
    try:
        async for request in requests:
            monitor.is_ready = monitor.is_ready or (request.ready and not monitor.is_ending)
            monitor.answer(request.answers)
    finally:
        monitor.news.set()
