"""Lists all events that match a query, newest first."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import grpc

from vimesh.api.rest.callers.rest_caller import current_caller
from vimesh.api.rest.documents.event_document import RESOURCE_TYPE, event_document
from vimesh.api.rest.lists.list_pager import Documents, ListPager, Pages
from vimesh.api.rest.lists.list_query import ListQuery
from vimesh.domain.ids import is_id
from vimesh.v1 import vim_service_pb2 as pb
from vimesh.v1.vim_pb2 import VimEvent
from vimesh.wire.error_statuses import failure_of

if TYPE_CHECKING:  # exists for type checkers only
    from vimesh.v1.vim_service_pb2_grpc import VimServiceAsyncStub

_NOT_KEPT = ("REVISION_UNKNOWN", "REVISION_COMPACTED")


class EventList:
    def __init__(self, stub: VimServiceAsyncStub, call_timeout_s: float) -> None:
        self._stub = stub
        self._call_timeout_s = call_timeout_s

    async def pages(self, pager: ListPager) -> Pages:
        query = pager.query
        if RESOURCE_TYPE not in query.filters.get("resource_type", (RESOURCE_TYPE,)):
            return
        if "id" in query.filters:
            async for named in self._pages_by_id(query):
                yield named
            return
        vim_id = str(query.only_value("resource_id") or "")
        if vim_id and not is_id(vim_id):
            return
        # Tacker's marker is the ID of the last event seen; our own links may carry a page token instead.
        older_than = _revision(query.marker)

        async def fetch(size: int, token: str) -> tuple[Documents, str]:
            request = pb.ListVimEventsRequest(vim_id=vim_id, page_size=size, page_token=token)
            page = await self._list(request)
            events = (event for event in page.events if not older_than or event.revision < older_than)
            return _matching_documents(query, events), page.next_page_token

        async for documents in pager.pages(fetch, "" if older_than else query.marker):
            yield documents

    async def get(self, event_id: str) -> VimEvent | None:
        """Return the event with that ID; None if it does not exist or is no longer kept."""
        return await self._event(_revision(event_id), await self._newest())

    async def _event(self, revision: int, newest: int) -> VimEvent | None:
        # A watch from a future revision would wait for it.
        if not 0 < revision <= newest:
            return None
        request, metadata = pb.WatchVimsRequest(start_revision=revision), current_caller().metadata
        watch = self._stub.WatchVims(request, timeout=self._call_timeout_s, metadata=metadata)
        try:
            async for answer in watch:
                for event in answer.events:
                    return event if event.revision == revision else None
        except grpc.aio.AioRpcError as error:
            if failure_of(error).reason in _NOT_KEPT:
                return None
            raise
        finally:
            watch.cancel()
        return None

    async def _pages_by_id(self, query: ListQuery) -> Pages:
        newest = await self._newest()
        for revision in sorted({_revision(str(event_id)) for event_id in query.filters["id"]}, reverse=True):
            event = await self._event(revision, newest)
            yield [query.select_fields(document) for document in _matching_documents(query, [event] if event else [])]

    async def _newest(self) -> int:
        page = await self._list(pb.ListVimEventsRequest(page_size=1))
        return page.events[0].revision if page.events else 0

    async def _list(self, request: pb.ListVimEventsRequest) -> pb.ListVimEventsResponse:
        metadata = current_caller().metadata
        return await self._stub.ListVimEvents(request, timeout=self._call_timeout_s, metadata=metadata)


def _revision(text: str) -> int:
    """Read the ID of an event; return 0 if it is not one."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else 0


def _matching_documents(query: ListQuery, events: Iterable[VimEvent]) -> Documents:
    # An ID is a number in the answer, but text in the query.
    documents = (event_document(event) for event in events)
    return [each for each in documents if query.matches({**each, "id": str(each["id"])})]
