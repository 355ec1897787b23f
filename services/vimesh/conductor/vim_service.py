"""Serves VimService, the interface for people and automation."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Any

import grpc

from vimesh.conductor.engines import Engines
from vimesh.conductor.message_pages import read_fitting, split_pages
from vimesh.conductor.register_vims import BulkRegistrar, read_registration
from vimesh.conductor.watches.event_bytes import EventBytes, event_message
from vimesh.conductor.watches.event_feed import EventFeed
from vimesh.conductor.watches.watch_streams import WatchStreams
from vimesh.domain.access.caller import OPEN_CALLER, Caller, without_action_id
from vimesh.domain.errors import BadInput, VimNotFound, Violation
from vimesh.domain.filters.parse_filter import parse_filter
from vimesh.domain.queries import DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE, VimQuery, parse_order
from vimesh.domain.vim_store import VimStore
from vimesh.domain.vims import Engine, Vim
from vimesh.rpc.call_entrance import current_caller, note_change
from vimesh.runtime.loop_slices import in_slices
from vimesh.v1 import vim_pb2
from vimesh.v1 import vim_service_pb2 as pb
from vimesh.v1.vim_service_pb2_grpc import VimServiceServicer
from vimesh.wire import json_requests, request_messages
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
        self._event_bytes: dict[frozenset[Engine], EventBytes] = {}

    async def RegisterVim(self, request: pb.RegisterVimRequest, context: _Context) -> pb.RegisterVimResponse:
        return pb.RegisterVimResponse(vim=await self._register(request))

    async def RegisterVimJson(
        self, request: pb.RegisterVimJsonRequest, context: _Context
    ) -> pb.RegisterVimJsonResponse:
        inner_request = json_requests.parse_json_request(request.request.data, pb.RegisterVimRequest())
        self._rules.check(inner_request)
        return pb.RegisterVimJsonResponse(vim=await self._register(inner_request))

    async def _register(self, request: pb.RegisterVimRequest) -> vim_pb2.Vim:
        caller = current_caller()
        subject = note_change(request_id=request_messages.id_of(request.request_id), project_id=request.vim.project_id)
        registration = read_registration(request, self._engines, caller)
        subject.project_id = registration.project_id
        vim = await self._store.register(registration, caller)
        subject.vim_id = vim.id
        self._feed.poke()
        return _vim_message(vim, caller)

    async def RegisterVims(self, request: pb.RegisterVimsRequest, context: _Context) -> pb.RegisterVimsResponse:
        results = await self._bulk.register(request.requests, current_caller())
        self._feed.poke()
        return pb.RegisterVimsResponse(results=results)

    async def GetVim(self, request: pb.GetVimRequest, context: _Context) -> pb.GetVimResponse:
        caller = current_caller()
        vim = await self._store.get(request_messages.id_of(request.vim_id), caller)
        return pb.GetVimResponse(vim=_vim_message(vim, caller))

    async def ListVims(self, request: pb.ListVimsRequest, context: _Context) -> pb.ListVimsResponse:
        caller = current_caller()
        query = VimQuery(
            parse_filter(request.filter),
            parse_order(request.order_by),
            page_token=request.page_token,
            projects=caller.projects,
        )

        async def read(size: int) -> tuple[Sequence[vim_pb2.Vim], str]:
            page = await self._store.list_vims(replace(query, page_size=size))
            return await in_slices(lambda vim: _vim_message(vim, caller), page.vims), page.next_page_token

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
        caller, vim_id = current_caller(), request_messages.id_of(request.vim.id)
        subject = note_change(vim_id=vim_id)
        if not vim_id:
            raise BadInput(Violation("vim.id", "is required"))
        modification = request_messages.modification(request, request_messages.modified_paths(request))
        if modification.engine:
            self._engines.require(modification.engine)
        project_id = request_messages.assumed_project(request)
        # It is safe to read this outside the modifying transaction, because a VIM never leaves its project.
        if project_id and (await self._store.get(vim_id, caller)).project_id != project_id:
            raise BadInput(Violation("vim.project_id", "cannot be changed"))
        vim = await self._store.modify(vim_id, modification, caller)
        subject.project_id = vim.project_id
        self._feed.poke()
        return _vim_message(vim, caller)

    async def DeregisterVim(self, request: pb.DeregisterVimRequest, context: _Context) -> pb.DeregisterVimResponse:
        vim_id = request_messages.id_of(request.vim_id)
        subject = note_change(vim_id=vim_id)
        subject.project_id = await self._store.deregister(vim_id, current_caller())
        self._feed.poke()
        return pb.DeregisterVimResponse()

    async def WatchVims(  # type: ignore[override]  # see SERIALIZED_RESPONSES
        self, request: pb.WatchVimsRequest, context: _Context
    ) -> AsyncIterator[bytes]:
        vim_id, caller = request_messages.id_of(request.vim_id), current_caller()
        event_bytes = self._event_bytes_for(caller)
        if request.start_revision:
            revision = await self._watch_streams.start_after(request.start_revision)
        else:
            # Read the revision before the snapshot: changes made while it is read are then sent as events too.
            revision = await self._watch_streams.newest_revision()
            if request.snapshot:
                async for snapshot in self._snapshot(vim_id, caller):
                    for vims in split_pages(snapshot):
                        yield pb.WatchVimsResponse(vims=vims).SerializeToString()
        # Signals that the stream is established, that the snapshot is complete, and where to resume.
        yield pb.WatchVimsResponse(revision=revision).SerializeToString()
        async for step in self._watch_streams.follow(
            revision, lambda event: vim_id in ("", event.vim_id) and caller.sees(event.project_id)
        ):
            *full, (rest, _) = list(event_bytes.pages(step.events)) or [(b"", 0)]
            # Concatenated serialized messages parse as one message.
            for events, last in full:
                yield events + pb.WatchVimsResponse(revision=last).SerializeToString()
            yield rest + pb.WatchVimsResponse(revision=step.revision, end=step.end).SerializeToString()

    def _event_bytes_for(self, caller: Caller) -> EventBytes:
        """Return the bytes that all callers share who are told the same action ids: eight kinds at most."""
        return self._event_bytes.setdefault(caller.shown_engines, EventBytes(caller.shown_engines))

    async def _snapshot(self, vim_id: str, caller: Caller) -> AsyncIterator[list[vim_pb2.Vim]]:
        if vim_id:
            # The snapshot of a VIM that does not exist is empty.
            try:
                vim = await self._store.get(vim_id, caller)
            except VimNotFound:
                return
            yield [_vim_message(vim, caller)]
            return
        for project_id in [""] if caller.projects is None else sorted(caller.projects):
            last_id = ""
            while page := await self._store.vims_after(last_id, _PAGE_SIZE, project_id):
                last_id = page[-1].id
                yield await in_slices(lambda vim: _vim_message(vim, caller), page)

    async def ListVimEvents(self, request: pb.ListVimEventsRequest, context: _Context) -> pb.ListVimEventsResponse:
        vim_id, caller = request_messages.id_of(request.vim_id), current_caller()

        async def read(size: int) -> tuple[Sequence[vim_pb2.VimEvent], str]:
            events, token = await self._store.events_of(vim_id, size, request.page_token, caller)
            return await in_slices(lambda event: event_message(event, caller.shown_engines), events), token

        events, token = await read_fitting(read, _page_size(request.page_size))
        return pb.ListVimEventsResponse(events=events, next_page_token=token)


def _vim_message(vim: Vim, caller: Caller) -> vim_pb2.Vim:
    return vim_message(vim if caller is OPEN_CALLER else without_action_id(vim, caller.shown_engines))


def _page_size(requested: int) -> int:
    return min(requested or DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE)
