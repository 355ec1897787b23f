"""Follows which ping actions are wanted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Never

import grpc
import structlog

from vimesh.domain.actions import Action, ActionScope
from vimesh.domain.backoff import Backoff
from vimesh.domain.endpoints import AuthUrlInvalid
from vimesh.domain.vims import Engine
from vimesh.monitor.running_clock import Clock
from vimesh.rpc.actions import action_from_wire
from vimesh.rpc.link import Link
from vimesh.v1 import conductor_service_pb2, vim_pb2

if TYPE_CHECKING:  # exists for type checkers only
    from vimesh.v1.conductor_service_pb2_grpc import ConductorServiceAsyncStub

_log = structlog.get_logger()

_ENGINES = {Engine.EMBEDDED: vim_pb2.Monitor.EMBEDDED, Engine.MISTRAL: vim_pb2.Monitor.MISTRAL}


@dataclass(frozen=True, slots=True)
class WatcherLimits:
    silence_s: float = 30.0
    """The server gives a sign of life every few seconds: a stream that is silent for longer is dead."""
    first_pause_s: float = 0.2
    longest_pause_s: float = 5.0
    shortest_stream_s: float = 1.0
    """A stream that ends sooner is followed by a pause, also if its end was announced."""


@dataclass(frozen=True, slots=True)
class ActionSet:
    """The actions that run here, as far as a watcher needs to know."""

    start: Callable[[Action], object]
    """Run an action; nothing happens if it runs already. Raises AuthUrlInvalid."""
    stop: Callable[[str, str], object]
    """Stop the action (vim_id, action_id); nothing happens if it does not run."""
    running: Callable[[], Iterable[tuple[str, str]]]


class Watcher:
    """Starts and stops actions as the conductors say. That they cannot be reached stops nothing (G10)."""

    def __init__(  # noqa: PLR0913 - everything it uses comes in here
        self,
        stub: ConductorServiceAsyncStub,
        scope: ActionScope,
        actions: ActionSet,
        *,
        clock: Clock,
        random: Random,
        limits: WatcherLimits | None = None,
    ) -> None:
        self._stub = stub
        self._scope = scope
        self._actions = actions
        self._clock = clock
        self._limits = limits or WatcherLimits()
        self._link = Link("conductors", "watch", meanwhile="probing goes on")
        self._backoff = Backoff(
            first_s=self._limits.first_pause_s,
            longest_s=self._limits.longest_pause_s,
            random=random,
        )
        self._revision = 0
        """Everything up to it was seen; 0: begin with the list."""
        self._listed: set[tuple[str, str]] = set()

    async def run(self) -> Never:
        """Follow until cancelled, over any number of streams."""
        while True:
            opened_at = self._clock()
            ended = await self._follow_until_lost()
            if not ended or self._clock() - opened_at < self._limits.shortest_stream_s:
                await asyncio.sleep(self._backoff.pause_s())

    async def _follow_until_lost(self) -> bool:
        """Follow one stream; say whether it was the server that ended it, in good order."""
        try:
            await self._follow()
        except TimeoutError:
            self._link.failed("the watch is silent")
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.OUT_OF_RANGE:
                _log.info("changes were missed: listing again", why=error.details())
                self._revision = 0
            else:
                self._link.failed(f"{error.code().name}: {error.details()}")
        else:
            return True
        return False

    async def _follow(self) -> None:
        self._listed = set()
        stream = self._stub.WatchActions(self._request())
        try:
            while True:
                async with asyncio.timeout(self._limits.silence_s):
                    response = await stream.read()
                if not isinstance(response, conductor_service_pb2.WatchActionsResponse):
                    return  # the end of the stream
                self._take_in(response)
                if response.end:
                    return
        finally:
            stream.cancel()

    def _request(self) -> conductor_service_pb2.WatchActionsRequest:
        return conductor_service_pb2.WatchActionsRequest(
            engine=_ENGINES[self._scope.engine],
            shard_index=self._scope.shard.index,
            shard_count=self._scope.shard.count,
            start_revision=self._revision + 1 if self._revision else 0,
        )

    def _take_in(self, response: conductor_service_pb2.WatchActionsResponse) -> None:
        self._link.worked()
        self._backoff.reset()
        for wanted in response.wanted:
            self._start(action_from_wire(wanted))
        for unwanted in response.unwanted:
            self._listed.discard((unwanted.vim_id, unwanted.action_id))
            self._actions.stop(unwanted.vim_id, unwanted.action_id)
        if not response.revision:
            return
        if not self._revision:
            self._stop_what_is_not_listed()
        self._revision = response.revision

    def _start(self, action: Action) -> None:
        if not self._revision:
            self._listed.add((action.vim_id, action.action_id))
        try:
            self._actions.start(action)
        except AuthUrlInvalid as error:
            _log.error("action cannot run", vim_id=action.vim_id, auth_url=action.auth_url, why=str(error))

    def _stop_what_is_not_listed(self) -> None:
        running = list(self._actions.running())
        for vim_id, action_id in running:
            if (vim_id, action_id) not in self._listed:
                self._actions.stop(vim_id, action_id)
        _log.info("actions listed", actions=len(self._listed))
        self._listed = set()
