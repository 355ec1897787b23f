"""Reads the status of all VIMs, again and again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from tests.simulation.robustness.history import History, now
from tests.simulation.robustness.load.calls import CALL_S, Calls
from tests.simulation.robustness.load.watchers import told
from tests.support.deployments.conductors import Client
from vimesh.v1 import vim_pb2
from vimesh.v1 import vim_service_pb2 as pb

_PAGE = 1000


class Reader:
    def __init__(self, name: str, client: Client, history: History, *, pause_s: float = 1.0) -> None:
        self._client = client
        self._history = history
        self._calls = Calls(history, name)
        self._pause_s = pause_s

    async def run(self, ending: asyncio.Event) -> None:
        """List until it is time to end."""
        while not ending.is_set():
            began = now()
            if (vims := await self.listed()) is not None:
                statuses = {vim.id: vim_pb2.Vim.Status.Name(vim.status) for vim in vims}
                self._history.note("listing", began=round(began, 4), statuses=statuses)
            await asyncio.sleep(self._pause_s)

    async def listed(self) -> list[vim_pb2.Vim] | None:
        """Return all VIMs, or None when a page of them could not be read."""
        vims: list[vim_pb2.Vim] = []
        token = ""
        while True:
            request = pb.ListVimsRequest(page_size=_PAGE, page_token=token)
            page, _ = await self._calls.make("ListVims", self._client.vims.ListVims(request, timeout=CALL_S))
            if page is None:
                return None
            vims += page.vims
            token = page.next_page_token
            if not token:
                return vims


async def log_of(client: Client) -> AsyncIterator[dict[str, object]]:
    """Yield every change on record, the newest first: all watchers should have received them."""
    token = ""
    while True:
        request = pb.ListVimEventsRequest(page_size=_PAGE, page_token=token)
        page = await client.vims.ListVimEvents(request, timeout=CALL_S)
        for event in page.events:
            yield told(event)
        token = page.next_page_token
        if not token:
            return
