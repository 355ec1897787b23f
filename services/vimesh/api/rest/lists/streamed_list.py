"""Streams lists page by page, so that no list has to fit into memory."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from typing import Final

import grpc
import structlog
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.types import Send

from vimesh.api.rest.documents.answer_links import next_page
from vimesh.api.rest.errors.error_answers import RequestRefused
from vimesh.api.rest.lists.list_pager import Documents, ListPager, Pages

_log = structlog.get_logger()

_AT_ONCE: Final = 100
"""Number of documents to write before yielding to the event loop."""


async def list_response(request: Request, key: str, pages: Pages, pager: ListPager) -> StreamingResponse:
    """Answer `{key: [...]}`, with a link to the next page if the pager has a marker for one at the end.

    Errors that occur before the first page is complete are raised.
    """
    # The default is a list, because Python 3.11 fails with an empty tuple.
    first: Documents = await anext(pages, [])

    def link() -> str | None:
        return next_page(request, pager.next_marker) if pager.next_marker else None

    whole = _json_chunks(key, first, pages, link)
    return _List(whole, media_type="application/json", head=request.method == "HEAD")


async def _json_chunks(key: str, first: Documents, rest: Pages, link: Callable[[], str | None]) -> AsyncGenerator[str]:
    yield f'{{"{key}": ['
    between = ""
    async for page in _prepend(first, rest):
        for begin in range(0, len(page), _AT_ONCE):
            text = ", ".join(map(json.dumps, page[begin : begin + _AT_ONCE]))
            yield f"{between}{text}"
            between = ", "
            await asyncio.sleep(0)
    href = link()
    links = "" if href is None else f', "{key}_links": {json.dumps([{"rel": "next", "href": href}])}'
    yield f"]{links}}}"


async def _prepend(first: Documents, rest: Pages) -> Pages:
    yield first
    async for page in rest:
        yield page


class _List(StreamingResponse):
    def __init__(self, content: AsyncGenerator[str], *, media_type: str, head: bool) -> None:
        super().__init__(content, media_type=media_type)
        self._head = head

    async def stream_response(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        if not self._head:
            try:
                async for text in self.body_iterator:
                    await send({"type": "http.response.body", "body": str(text).encode(), "more_body": True})
            except (grpc.aio.AioRpcError, RequestRefused) as error:
                # Do not end the response: that breaks the connection, so no caller takes a partial list for a full one.
                why = error.details() if isinstance(error, grpc.aio.AioRpcError) else str(error)
                _log.warning("a list was cut off: the connection is closed", why=why)
                return
        await send({"type": "http.response.body", "body": b"", "more_body": False})
