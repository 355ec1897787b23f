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

ANOTHER_LOG = "OUT_OF_RANGE/REVISION_UNKNOWN"
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
    """With `restless`, begins with a snapshot, leaves by itself now and then, and comes back.

    Each begins again with a snapshot when it is told that there is another log.
    """

    def __init__(self, name: str, address: str, history: History, random: Random, *, restless: bool) -> None:
        self._name = name
        self._address = address
        self._history = history
        self._random = random
        self._restless = restless
        self._snapshot = restless
        self._log_id = ""
        self.next = 0
        """The revision to resume from."""
        self.begun = asyncio.Event()
        self._moved = asyncio.Event()

    async def run(self) -> None:
        """Watch until cancelled."""
        async with client_at(self._address) as client:
            while True:
                code = await self._watch(client)
                self._history.note("watch", watcher=self._name, ended=code, next=self.next)
                if code == ANOTHER_LOG:
                    self.next, self._log_id, self._snapshot = 0, "", True
                await asyncio.sleep(_AGAIN_S)

    async def _watch(self, client: Client) -> str:
        begins = self.next == 0 and self._snapshot
        request = pb.WatchVimsRequest(start_revision=self.next, snapshot=begins, log_id=self._log_id)
        leave_at = now() + self._random.uniform(3, 12) if self._restless else None
        call = client.vims.WatchVims(request)
        try:
            while True:
                within_s = _SILENCE_S if leave_at is None else max(0.0, leave_at - now())
                async with asyncio.timeout(within_s):
                    answer = await call.read()
                if not isinstance(answer, pb.WatchVimsResponse):
                    return "OK"  # the end of the stream
                self._take(answer, begins=begins)
                begins = False
        except TimeoutError:
            return "LEFT" if leave_at is not None else "SILENT"
        except grpc.aio.AioRpcError as error:
            return code_of(error)
        finally:
            call.cancel()

    def _take(self, answer: pb.WatchVimsResponse, *, begins: bool) -> None:
        self._log_id = answer.log_id or self._log_id
        where = {"watcher": self._name, "log": self._log_id}
        if answer.vims or begins:
            statuses = {vim.id: vim_pb2.Vim.Status.Name(vim.status) for vim in answer.vims}
            self._history.note("snapshot", **where, begins=begins, revision=answer.revision, statuses=statuses)
        for event in answer.events:
            self._history.note("event", **where, **told(event))
        if answer.revision:
            self.next = answer.revision + 1
            self.begun.set()
            self._moved.set()

    async def until(self, revision: int, limit_s: float) -> None:
        """Wait until everything up to a revision was received, but not for longer than the limit."""
        with suppress(TimeoutError):
            async with asyncio.timeout(limit_s):
                while self.next <= revision:
                    self._moved.clear()
                    await self._moved.wait()
