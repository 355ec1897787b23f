"""Follows the actions of an engine over successive streams, and opens a new one whenever one ends or fails."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Never, Protocol

import grpc

from vimesh.runtime.backoff import Backoff
from vimesh.runtime.outage_log import OutageLog
from vimesh.v1 import conductor_service_pb2 as pb

if TYPE_CHECKING:  # exists for type checkers only
    from vimesh.v1.conductor_service_pb2_grpc import ConductorServiceAsyncStub


@dataclass(frozen=True, slots=True)
class FollowLimits:
    silence_s: float = 30.0
    """The server sends a sign of life every few seconds: a stream that is silent for longer than this is dead."""
    first_pause_s: float = 0.2
    longest_pause_s: float = 5.0
    shortest_stream_s: float = 1.0
    """A stream that ends sooner than this is followed by a pause, even if the server announced its end."""


class Follower(Protocol):
    """Consumes the streams, and knows the revision up to which it has seen everything."""

    def request(self) -> pb.WatchActionsRequest:
        """Return the request for the next stream, which starts with the list or after the last revision seen."""

    async def apply_response(self, response: pb.WatchActionsResponse) -> None:
        """Apply a message. The next one is not read until this returns."""

    def note_gap(self, why: str) -> None:
        """Record that changes are no longer available: the next stream must start with the list."""


class ActionWatch:
    def __init__(
        self,
        stub: ConductorServiceAsyncStub,
        limits: FollowLimits,
        *,
        meanwhile: str,
        clock: Callable[[], float],
        random: Random,
    ) -> None:
        """`meanwhile` is a text for the log: what continues while the conductors are lost."""
        self._stub = stub
        self._limits = limits
        self._clock = clock
        self.is_connected = False
        """Whether the newest stream has brought anything, or ended in good order after that."""
        self._outage_log = OutageLog("conductors", "watch", meanwhile=meanwhile)
        self._backoff = Backoff(first_s=limits.first_pause_s, longest_s=limits.longest_pause_s, random=random)

    async def run(self, follower: Follower) -> Never:
        """Follow until cancelled."""
        while True:
            opened_at = self._clock()
            ended = await self._follow_until_lost(follower)
            if not ended or self._clock() - opened_at < self._limits.shortest_stream_s:
                await asyncio.sleep(self._backoff.pause_s())

    async def _follow_until_lost(self, follower: Follower) -> bool:
        """Follow one stream; return whether the server ended it in good order."""
        try:
            await self._follow(follower)
        except TimeoutError:
            self._note_loss("the watch is silent")
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.OUT_OF_RANGE:
                follower.note_gap(error.details() or "")
            else:
                self._note_loss(f"{error.code().name}: {error.details()}")
        else:
            return True
        return False

    def _note_loss(self, why: str) -> None:
        self.is_connected = False
        self._outage_log.note_failure(why)

    async def _follow(self, follower: Follower) -> None:
        stream = self._stub.WatchActions(follower.request())
        try:
            while True:
                async with asyncio.timeout(self._limits.silence_s):
                    response = await stream.read()
                if not isinstance(response, pb.WatchActionsResponse):
                    return  # the end of the stream
                self.is_connected = True
                self._outage_log.note_success()
                self._backoff.reset()
                await follower.apply_response(response)
                if response.end:
                    return
        finally:
            stream.cancel()
