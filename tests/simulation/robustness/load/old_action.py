"""An action in Tacker as it was released: it calls by oslo.messaging, which bridges serve, and is killed by them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from itertools import cycle
from pathlib import Path

from tests.simulation.robustness.history import History, now
from tests.simulation.robustness.load.calls import CALL_S, OK, Calls
from tests.support.amqp.oslo_client import Event, OsloProcess, oslo_process
from tests.support.deployments.conductors import Client
from vimesh.v1 import vim_pb2
from vimesh.v1 import vim_service_pb2 as pb

_PAUSE_S = 0.5
_ANSWER_S = 70.0
"""Longer than oslo.messaging waits for an answer: then the action ends by itself."""
_KILL_S = 60.0


class OldAction:
    """It is killed when its VIM is deregistered, and ends by itself on any error."""

    def __init__(self, tacker: OsloProcess, vim: vim_pb2.Vim, client: Client, history: History) -> None:
        self._tacker = tacker
        self._vim_id = vim.id
        self._client = client
        self._history = history

    async def run(self, ending: asyncio.Event) -> None:
        """Change the result of its pings until it is time to end; then deregister the VIM, and see the action end."""
        self._history.note("vim", vim=self._vim_id, engine="TACKER", address="", truth="")
        ended = await self._report_until(ending)
        began = now()
        calls = Calls(self._history, "tacker")
        request = pb.DeregisterVimRequest(vim_id=self._vim_id)
        _, code = await calls.make("DeregisterVim", self._client.vims.DeregisterVim(request, timeout=CALL_S))
        self._history.note("deregistered", vim=self._vim_id, began=round(began, 4), outcome=code, doubtful=code != OK)
        if ended is None:
            ended = await self._tacker.ended(self._vim_id, _KILL_S)
        self._history.note("old-action-ended", result=ended["result"], why=ended.get("why", ""))

    async def _report_until(self, ending: asyncio.Event) -> Event | None:
        """Return how the action ended, if it did so by itself."""
        seen = 0
        await self._tacker.start(self._vim_id, "REACHABLE")
        for status in cycle(("UNREACHABLE", "REACHABLE")):
            began = now()
            event = await self._tacker.until(self._is_news, _ANSWER_S, after=seen)
            seen = self._tacker.events.index(event) + 1
            is_answer = event["event"] == "answer"
            code = OK if is_answer else str(event.get("why", event["result"]))
            self._history.note("call", who="tacker", call="update_vim", began=round(began, 4), code=code)
            if not is_answer:
                return event
            if ending.is_set():
                return None
            await asyncio.sleep(_PAUSE_S)
            self._tacker.ping(self._vim_id, status)
        raise AssertionError("a cycle does not end")

    def _is_news(self, event: Event) -> bool:
        return event["event"] in {"answer", "ended"} and event["vim_id"] == self._vim_id


@asynccontextmanager
async def tacker_at(broker_url: str, folder: Path) -> AsyncGenerator[OsloProcess]:
    """Run what has the actions, and the queues on which they are killed."""
    folder.mkdir()  # noqa: ASYNC240 - one folder
    async with oslo_process(folder, broker_url) as tacker:
        yield tacker
