"""Serves VimService, the interface for people and automation."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Any

import grpc

from vimesh.conductor.engines import Engines
from vimesh.conductor.message_pages import read_fitting, split_pages
from vimesh.conductor.register_vims import BulkRegistrar
from vimesh.conductor.watches.event_bytes import EventBytes
from vimesh.conductor.watches.event_feed import EventFeed
from vimesh.conductor.watches.watch_streams import WatchStreams
from vimesh.domain.errors import BadInput, VimNotFound, Violation
from vimesh.domain.queries import DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE, VimQuery, parse_filter, parse_order
from vimesh.domain.vim_store import VimStore
from vimesh.runtime.loop_slices import in_slices
from vimesh.v1 import vim_pb2
from vimesh.v1 import vim_service_pb2 as pb
from vimesh.v1.vim_service_pb2_grpc import VimServiceServicer
from vimesh.wire import answer_messages, json_requests, request_messages
from vimesh.wire.message_rules import Rules
from vimesh.wire.vim_messages import vim_message

_Context = grpc.aio.ServicerContext[Any, Any]
_PAGE_SIZE = 500
SERIALIZED_RESPONSES = ("WatchVims",)
"""Methods whose responses the servicer serializes itself, because watchers share the bytes."""


class VimsServicer(VimServiceServicer):
    def __init__(
        self,
        store: VimStore,
        feed: EventFeed,
        watch_streams: WatchStreams,
        rules: Rules,
        engines: Engines,
    ) -> None:
        self._store = store
        self._feed = feed
        self._watch_streams = watch_streams
        self._rules = rules
        self._engines = engines
        self._bulk = BulkRegistrar(store, rules, engines)
        self._event_bytes = EventBytes()

    async def RegisterVim(self, request: pb.RegisterVimRequest, context: _Context) -> pb.RegisterVimResponse:
        return pb.RegisterVimResponse(vim=await self._register(request))

    async def RegisterVimJson(
        self, request: pb.RegisterVimJsonRequest, context: _Context
    ) -> pb.RegisterVimJsonResponse:
        inner_request = json_requests.parse_json_request(request.request.data, pb.RegisterVimRequest())
        self._rules.check(inner_request)
        return pb.RegisterVimJsonResponse(vim=await self._register(inner_request))

    async def _register(self, request: pb.RegisterVimRequest) -> vim_pb2.Vim:
        registration = request_messages.registration(request, self._engines.default)
        self._engines.require(registration.engine)
        vim = await self._store.register(registration)
        self._feed.poke()
        return vim_message(vim)

    async def RegisterVims(self, request: pb.RegisterVimsRequest, context: _Context) -> pb.RegisterVimsResponse:
        results = await self._bulk.register(request.requests)
        self._feed.poke()
        return pb.RegisterVimsResponse(results=results)

    async def GetVim(self, request: pb.GetVimRequest, context: _Context) -> pb.GetVimResponse:
        return pb.GetVimResponse(vim=vim_message(await self._store.get(request_messages.id_of(request.vim_id))))

    async def ListVims(self, request: pb.ListVimsRequest, context: _Context) -> pb.ListVimsResponse:
        query = VimQuery(parse_filter(request.filter), parse_order(request.order_by), page_token=request.page_token)

        async def read(size: int) -> tuple[Sequence[vim_pb2.Vim], str]:
            page = await self._store.list_vims(replace(query, page_size=size))
            return await in_slices(vim_message, page.vims), page.next_page_token

        vims, token = await read_fitting(read, _page_size(request.page_size))
        return pb.ListVimsResponse(vims=vims, next_page_token=token)

    async def ModifyVim(self, request: pb.ModifyVimRequest, context: _Context) -> pb.ModifyVimResponse:
        return pb.ModifyVimResponse(vim=await self._modify(request))

    async def ModifyVimJson(self, request: pb.ModifyVimJsonRequest, context: _Context) -> pb.ModifyVimJsonResponse:
        inner_request = json_requests.parse_json_request(request.request.data, pb.ModifyVimRequest())
        if request_messages.id_of(inner_request.vim.id) not in ("", request_messages.id_of(request.vim_id)):
            raise BadInput(Violation("vim.id", "differs from the id in the path"))
        inner_request.vim.id = request.vim_id
        self._rules.check(inner_request)
        return pb.ModifyVimJsonResponse(vim=await self._modify(inner_request))

    async def _modify(self, request: pb.ModifyVimRequest) -> vim_pb2.Vim:
        vim_id = request_messages.id_of(request.vim.id)
        if not vim_id:
            raise BadInput(Violation("vim.id", "is required"))
        modification = request_messages.modification(request, request_messages.modified_paths(request))
        if modification.engine:
            self._engines.require(modification.engine)
        project_id = request_messages.assumed_project(request)
        # It is safe to read this outside the modifying transaction, because a VIM never leaves its project.
        if project_id and (await self._store.get(vim_id)).project_id != project_id:
            raise BadInput(Violation("vim.project_id", "cannot be changed"))
        vim = await self._store.modify(vim_id, modification)
        self._feed.poke()
        return vim_message(vim)

    async def DeregisterVim(self, request: pb.DeregisterVimRequest, context: _Context) -> pb.DeregisterVimResponse:
        await self._store.deregister(request_messages.id_of(request.vim_id))
        self._feed.poke()
        return pb.DeregisterVimResponse()

    async def WatchVims(  # type: ignore[override]  # see SERIALIZED_RESPONSES
        self, request: pb.WatchVimsRequest, context: _Context
    ) -> AsyncIterator[bytes]:
        vim_id = request_messages.id_of(request.vim_id)
        if request.start_revision:
            revision = await self._watch_streams.start_after(request.start_revision)
        else:
            # Read the revision before the snapshot: changes made while it is read are then sent as events too.
            revision = await self._watch_streams.newest_revision()
            if request.snapshot:
                async for snapshot in self._snapshot(vim_id):
                    for vims in split_pages(snapshot):
                        yield pb.WatchVimsResponse(vims=vims).SerializeToString()
        # Signals that the stream is established, that the snapshot is complete, and where to resume.
        yield pb.WatchVimsResponse(revision=revision).SerializeToString()
        async for step in self._watch_streams.follow(revision, lambda event: vim_id in ("", event.vim_id)):
            *full, (rest, _) = list(self._event_bytes.pages(step.events)) or [(b"", 0)]
            # Concatenated serialized messages parse as one message.
            for events, last in full:
                yield events + pb.WatchVimsResponse(revision=last).SerializeToString()
            yield rest + pb.WatchVimsResponse(revision=step.revision, end=step.end).SerializeToString()

    async def _snapshot(self, vim_id: str) -> AsyncIterator[list[vim_pb2.Vim]]:
        if vim_id:
            # The snapshot of a VIM that does not exist is empty.
            try:
                vim = await self._store.get(vim_id)
            except VimNotFound:
                return
            yield [vim_message(vim)]
            return
        last_id = ""
        while page := await self._store.vims_after(last_id, _PAGE_SIZE):
            last_id = page[-1].id
            yield await in_slices(vim_message, page)

    async def ListVimEvents(self, request: pb.ListVimEventsRequest, context: _Context) -> pb.ListVimEventsResponse:
        vim_id = request_messages.id_of(request.vim_id)

        async def read(size: int) -> tuple[Sequence[vim_pb2.VimEvent], str]:
            events, token = await self._store.events_of(vim_id, size, request.page_token)
            return await in_slices(answer_messages.event_message, events), token

        events, token = await read_fitting(read, _page_size(request.page_size))
        return pb.ListVimEventsResponse(events=events, next_page_token=token)


def _page_size(requested: int) -> int:
    return min(requested or DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE)
