"""Watches, records every change, and resumes after each interruption."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from random import Random
from typing import Any

import grpc

from tests.simulation.robustness.history import History, now
from tests.simulation.robustness.load.calls import code_of
from tests.support.deployments.conductors import Client, client_at
from vimesh.v1 import vim_pb2
from vimesh.v1 import vim_service_pb2 as pb

_AGAIN_S = 0.1
_SILENCE_S = 40.0
"""A watch sends something every few seconds. The client cancels one that is silent for longer."""


def told(event: vim_pb2.VimEvent) -> dict[str, Any]:
    """Return the entry of a change for the history."""
    name = vim_pb2.Vim.Status.Name
    return {
        "revision": event.revision,
        "vim": event.vim_id,
        "event": vim_pb2.VimEvent.Kind.Name(event.kind),
        "status": name(event.status),
        "previous": name(event.previous_status),
        "reason": event.reason,
        "action": event.action_id,
        "stopped": event.stopped_action_id,
    }


class Watcher:
    """With `restless`, leaves by itself now and then, and comes back."""

    def __init__(self, name: str, address: str, history: History, random: Random, *, restless: bool) -> None:
        self._name = name
        self._address = address
        self._history = history
        self._random = random
        self._restless = restless
        self._next = 0
        self.begun = asyncio.Event()
        self._moved = asyncio.Event()

    async def run(self) -> None:
        """Watch until cancelled."""
        async with client_at(self._address) as client:
            while True:
                code = await self._watch(client)
                self._history.note("watch", watcher=self._name, ended=code, next=self._next)
                await asyncio.sleep(_AGAIN_S)

    async def _watch(self, client: Client) -> str:
        first = self._next == 0
        request = pb.WatchVimsRequest(start_revision=self._next, snapshot=first and self._restless)
        leave_at = now() + self._random.uniform(3, 12) if self._restless else None
        call = client.vims.WatchVims(request)
        try:
            while True:
                within_s = _SILENCE_S if leave_at is None else max(0.0, leave_at - now())
                async with asyncio.timeout(within_s):
                    answer = await call.read()
                if not isinstance(answer, pb.WatchVimsResponse):
                    return "OK"  # the end of the stream
                self._take(answer)
        except TimeoutError:
            return "LEFT" if leave_at is not None else "SILENT"
        except grpc.aio.AioRpcError as error:
            return code_of(error)
        finally:
            call.cancel()

    def _take(self, answer: pb.WatchVimsResponse) -> None:
        for event in answer.events:
            self._history.note("event", watcher=self._name, **told(event))
        if answer.revision:
            self._next = answer.revision + 1
            self.begun.set()
            self._moved.set()

    async def until(self, revision: int, limit_s: float) -> None:
        """Wait until everything up to a revision was received, but not for longer than the limit."""
        with suppress(TimeoutError):
            async with asyncio.timeout(limit_s):
                while self._next <= revision:
                    self._moved.clear()
                    await self._moved.wait()
