"""Follows which EXTERNAL actions are not wanted any more."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Never

import grpc
import structlog

from vimesh.bridge.crew import Crew
from vimesh.bridge.progress import Progress, Step
from vimesh.domain.backoff import Backoff
from vimesh.rpc.link import Link
from vimesh.v1 import conductor_service_pb2, vim_pb2

if TYPE_CHECKING:  # exists for type checkers only
    from vimesh.v1.conductor_service_pb2_grpc import ConductorServiceAsyncStub

_log = structlog.get_logger()

End = Callable[[str, str], Awaitable[object]]
"""Ends the action (vim_id, action_id). Returns when that is done, however long it takes."""


@dataclass(frozen=True, slots=True)
class WatchLimits:
    silence_s: float = 30.0
    """The server gives a sign of life every few seconds: a stream that is silent for longer is dead."""
    first_pause_s: float = 0.2
    longest_pause_s: float = 5.0
    shortest_stream_s: float = 1.0
    """A stream that ends sooner is followed by a pause, also if its end was announced."""
    pending: int = 10_000
    """Actions to be ended at the same time. While there are more, nothing is read."""


class Watch:
    """Has each action ended that the stream calls unwanted, over any number of streams."""

    def __init__(  # noqa: PLR0913 - everything it uses comes in here
        self,
        stub: ConductorServiceAsyncStub,
        end: End,
        progress: Progress,
        crew: Crew,
        *,
        random: Random,
        limits: WatchLimits | None = None,
    ) -> None:
        self._stub = stub
        self._end = end
        self._progress = progress
        self._crew = crew
        self._limits = limits or WatchLimits()
        self._link = Link("conductors", "watch", meanwhile="actions go on")
        self._backoff = Backoff(
            first_s=self._limits.first_pause_s, longest_s=self._limits.longest_pause_s, random=random
        )
        self._slots = asyncio.Semaphore(self._limits.pending)
        self._revision = progress.done
        """Everything up to it was seen; 0: begin with the list."""

    async def run(self) -> Never:
        """Follow until cancelled."""
        now = asyncio.get_running_loop().time
        while True:
            opened_at = now()
            ended = await self._follow_until_lost()
            if not ended or now() - opened_at < self._limits.shortest_stream_s:
                await asyncio.sleep(self._backoff.pause_s())

    async def _follow_until_lost(self) -> bool:
        """Follow one stream; say whether it was the server that ended it, in good order."""
        try:
            await self._follow()
        except TimeoutError:
            self._link.failed("the watch is silent")
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.OUT_OF_RANGE:
                # What became unwanted meanwhile is killed when it reports.
                _log.warning("changes were missed: listing again", why=error.details())
                self._revision = 0
                self._progress.restart()
            else:
                self._link.failed(f"{error.code().name}: {error.details()}")
        else:
            return True
        return False

    async def _follow(self) -> None:
        request = conductor_service_pb2.WatchActionsRequest(
            engine=vim_pb2.Monitor.EXTERNAL, start_revision=self._revision + 1 if self._revision else 0
        )
        stream = self._stub.WatchActions(request)
        try:
            while True:
                async with asyncio.timeout(self._limits.silence_s):
                    response = await stream.read()
                if not isinstance(response, conductor_service_pb2.WatchActionsResponse):
                    return  # the end of the stream
                await self._take_in(response)
                if response.end:
                    return
        finally:
            stream.cancel()

    async def _take_in(self, response: conductor_service_pb2.WatchActionsResponse) -> None:
        self._link.worked()
        self._backoff.reset()
        step = self._progress.seen(response.revision, len(response.unwanted))
        for unwanted in response.unwanted:
            await self._slots.acquire()
            self._crew.start(self._end_one(step, unwanted.vim_id, unwanted.action_id))
        self._revision = response.revision or self._revision

    async def _end_one(self, step: Step, vim_id: str, action_id: str) -> None:
        try:
            await self._end(vim_id, action_id)
            self._progress.worked(step)
        finally:
            self._slots.release()
