"""Reads past changes, oldest first, and follows those after them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence

import grpc

from vimesh.cli.watches.event_span import EVERYTHING, EventSpan
from vimesh.client.calls.front_stubs import Front
from vimesh.client.lookups.answer_pages import fetch_all
from vimesh.client.watches.resumable_watch import ConnectionNews, WatchPosition, watch
from vimesh.v1 import vim_service_pb2 as pb
from vimesh.v1.vim_pb2 import VimEvent


async def newest_events(
    front: Front, vim_id: str, limit: int | None, filter_: str = "", span: EventSpan = EVERYTHING
) -> list[VimEvent]:
    """Return the newest changes of a span, in the order in which they happened."""

    async def fetch(size: int, token: str) -> tuple[Sequence[VimEvent], str]:
        request = pb.ListVimEventsRequest(vim_id=vim_id, page_size=size, page_token=token, filter=filter_)
        page = await front.vims.ListVimEvents(request, timeout=front.timeout_s)
        is_over = bool(page.events) and span.begins_after(page.events[-1])
        return list(filter(span.includes, page.events)), "" if is_over else page.next_page_token

    may_be_empty = bool(filter_) or span != EVERYTHING
    return (await fetch_all(fetch, limit, may_be_empty=may_be_empty))[::-1]


async def newest_revision(front: Front) -> int:
    """Return the revision of the newest change of any VIM; 0 before the first."""
    page = await front.vims.ListVimEvents(pb.ListVimEventsRequest(page_size=1), timeout=front.timeout_s)
    return page.events[0].revision if page.events else 0


async def events_after(
    front: Front, vim_id: str, revision: int, link: ConnectionNews, filter_: str = ""
) -> AsyncGenerator[VimEvent]:
    """Yield every change after a revision, each once. Never ends by itself."""
    async for shown in watch(front, vim_id=vim_id, filter_=filter_, after=WatchPosition(revision), link=link):
        for event in shown.answer.events:
            yield event


class Names:
    """Looks up the names of VIMs, because most events contain only the id."""

    def __init__(self, front: Front) -> None:
        self._front = front
        self._known: dict[str, str] = {}

    async def of(self, event: VimEvent) -> str:
        """Return the name; the id if the VIM is deregistered."""
        if event.HasField("vim"):
            self._known[event.vim_id] = event.vim.name
        elif event.vim_id not in self._known:
            self._known[event.vim_id] = await self._ask(event.vim_id)
        return self._known[event.vim_id]

    async def _ask(self, vim_id: str) -> str:
        try:
            answer = await self._front.vims.GetVim(pb.GetVimRequest(vim_id=vim_id), timeout=self._front.timeout_s)
        except grpc.aio.AioRpcError as error:
            if error.code() is not grpc.StatusCode.NOT_FOUND:
                raise
            return vim_id
        return answer.vim.name
