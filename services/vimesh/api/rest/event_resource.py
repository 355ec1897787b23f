"""Serves Tacker's events resource: the history of changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from vimesh.api.rest.callers.rest_caller import current_caller, require_rule
from vimesh.api.rest.documents.event_document import ATTRIBUTES, event_document
from vimesh.api.rest.errors.error_answers import no_such_event
from vimesh.api.rest.lists.event_pages import EventList
from vimesh.api.rest.lists.list_pager import ListPager
from vimesh.api.rest.lists.list_query import query_of
from vimesh.api.rest.lists.streamed_list import list_response

if TYPE_CHECKING:  # exists for type checkers only
    from vimesh.v1.vim_service_pb2_grpc import VimServiceAsyncStub

_NAME = "name"


class Events:
    def __init__(self, stub: VimServiceAsyncStub, call_timeout_s: float) -> None:
        self._stub = stub
        self._call_timeout_s = call_timeout_s

    async def list(self, request: Request) -> Response:
        require_rule("get_events", current_caller().project)
        # Tacker's client searches by name if it finds no such ID, but events have no names.
        query = query_of(request, (*ATTRIBUTES, _NAME))
        if _NAME in query.filters:
            return JSONResponse({"events": []})
        pager = ListPager(query)
        events = EventList(self._stub, self._call_timeout_s)
        return await list_response(request, "events", events.pages(pager), pager)

    async def show(self, request: Request) -> Response:
        require_rule("get_event", current_caller().project)
        event_id = str(request.path_params["event_id"]).removesuffix(".json")
        event = await EventList(self._stub, self._call_timeout_s).get(event_id)
        if event is None:
            raise no_such_event(event_id[:100])
        return JSONResponse({"event": query_of(request, ATTRIBUTES).select_fields(event_document(event))})
