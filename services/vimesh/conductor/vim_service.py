"""Serves VimService, the interface for people and automation."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Any

import grpc

from vimesh.conductor.bulk.apply_vims import BulkApplier
from vimesh.conductor.bulk.change_vims import BulkChanger
from vimesh.conductor.bulk.register_vims import BulkRegistrar, read_registration
from vimesh.conductor.engines import Engines
from vimesh.conductor.matching_events import list_events
from vimesh.conductor.message_pages import read_fitting, split_pages
from vimesh.conductor.probes.vim_probes import VimProbes
from vimesh.conductor.reports.contact_pace import ContactPace
from vimesh.conductor.watches.event_bytes import event_message
from vimesh.conductor.watches.event_feed import EventFeed
from vimesh.conductor.watches.vim_watches import VimWatches
from vimesh.conductor.watches.watch_streams import WatchStreams
from vimesh.domain.access.audit_entry import ChangeSubject
from vimesh.domain.access.caller import Caller
from vimesh.domain.errors import BadInput, VimNotFound, Violation
from vimesh.domain.explain.explain_vim import explain
from vimesh.domain.filters.parse_filter import parse_filter
from vimesh.domain.filters.vim_summary import SummaryQuery, parse_group_by
from vimesh.domain.queries import DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE, VimQuery, parse_order
from vimesh.domain.vim_store import VimStore
from vimesh.domain.vims import Vim
from vimesh.rpc.call_entrance import current_caller, note_change
from vimesh.runtime.loop_slices import in_slices
from vimesh.v1 import explanation_pb2, vim_pb2
from vimesh.v1 import vim_service_pb2 as pb
from vimesh.v1.vim_service_pb2_grpc import VimServiceServicer
from vimesh.wire import json_requests, request_messages
from vimesh.wire.error_statuses import rich_status
from vimesh.wire.message_rules import Rules
from vimesh.wire.probes.probe_messages import probe_result
from vimesh.wire.views.explanation_messages import explanation_message
from vimesh.wire.views.past_vims import as_of_time, shown_past_vim
from vimesh.wire.views.read_masks import ReadMask
from vimesh.wire.views.summary_messages import summary_message
from vimesh.wire.views.vim_view import shown_vim
from vimesh.wire.wire_durations import seconds

_Context = grpc.aio.ServicerContext[Any, Any]
_Change = (
    pb.RegisterVimRequest
    | pb.ModifyVimRequest
    | pb.DeregisterVimRequest
    | pb.ModifyVimsRequest
    | pb.ApplyVimsRequest
    | pb.DeregisterVimsRequest
)
SERIALIZED_RESPONSES = ("WatchVims",)
"""Methods whose responses the servicer serializes itself, because watchers share the bytes."""


class VimsServicer(VimServiceServicer):
    def __init__(  # noqa: PLR0913 - all collaborators are passed in here
        self,
        store: VimStore,
        feed: EventFeed,
        watch_streams: WatchStreams,
        rules: Rules,
        engines: Engines,
        *,
        probes: VimProbes,
        pace: ContactPace,
    ) -> None:
        self._store = store
        self._feed = feed
        self._watches = VimWatches(store, watch_streams)
        self._rules = rules
        self._engines = engines
        self._probes = probes
        self._pace = pace
        self._bulk = BulkRegistrar(store, rules, engines)
        self._bulk_changer = BulkChanger(store, engines)
        self._bulk_applier = BulkApplier(store, rules, engines)

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
        subject = ChangeSubject()
        # The audit is of changes, and a check changes nothing.
        if not request.validate_only:
            request_id = request_messages.id_of(request.request_id)
            subject = note_change(request_id=request_id, project_id=request.vim.project_id)
        registration = read_registration(request, self._engines, caller)
        subject.project_id = registration.project_id
        vim = await self._store.register(registration, caller, validate_only=request.validate_only)
        subject.vim_id = vim.id
        self._tell_watchers(request)
        return shown_vim(vim, caller)

    async def RegisterVims(self, request: pb.RegisterVimsRequest, context: _Context) -> pb.RegisterVimsResponse:
        results = await self._bulk.register(request.requests, current_caller())
        self._feed.poke()
        return pb.RegisterVimsResponse(results=results)

    async def ApplyVims(self, request: pb.ApplyVimsRequest, context: _Context) -> pb.ApplyVimsResponse:
        response = await self._bulk_applier.apply(request, current_caller())
        self._tell_watchers(request)
        return response

    async def GetVim(self, request: pb.GetVimRequest, context: _Context) -> pb.GetVimResponse:
        caller = current_caller()
        read_mask = ReadMask(request.read_mask)
        vim = await self._store.get(request_messages.id_of(request.vim_id), caller)
        response = pb.GetVimResponse(vim=shown_vim(vim, caller, read_mask))
        if request.HasField("max_age") and await self._probes.is_older(vim, seconds(request.max_age)):
            response.probes.extend(await self._probe(vim, context))
        return response

    async def ProbeVim(self, request: pb.ProbeVimRequest, context: _Context) -> pb.ProbeVimResponse:
        vim = await self._store.get(request_messages.id_of(request.vim_id), current_caller())
        return pb.ProbeVimResponse(probes=await self._probe(vim, context))

    async def _probe(self, vim: Vim, context: _Context) -> list[vim_pb2.ProbeResult]:
        sightings = await self._probes.probe(vim, context.time_remaining())
        time = await self._store.clock()
        return [probe_result(sighting, time) for sighting in sightings]

    async def ExplainVim(
        self, request: explanation_pb2.ExplainVimRequest, context: _Context
    ) -> explanation_pb2.ExplainVimResponse:
        vim_id = request_messages.id_of(request.vim_id)
        evidence = await self._store.explanations.read_evidence(vim_id, current_caller())
        explanation = explain(evidence, contact_within_s=self._pace.contact_within_s)
        return explanation_pb2.ExplainVimResponse(explanation=explanation_message(explanation))

    async def BatchGetVims(self, request: pb.BatchGetVimsRequest, context: _Context) -> pb.BatchGetVimsResponse:
        caller = current_caller()
        found = await self._store.bulk.get_many([request_messages.id_of(vim_id) for vim_id in request.vim_ids], caller)
        results = await in_slices(lambda one: _get_result(one, caller), found)
        return pb.BatchGetVimsResponse(results=next(split_pages(results)))

    async def ListVims(self, request: pb.ListVimsRequest, context: _Context) -> pb.ListVimsResponse:
        caller, read_mask = current_caller(), ReadMask(request.read_mask)
        query = VimQuery(
            parse_filter(request.filter, flapping=True),
            parse_order(request.order_by),
            page_token=request.page_token,
            projects=caller.projects,
        )

        time = as_of_time(request.as_of) if request.HasField("as_of") else None
        show = shown_vim if time is None else shown_past_vim

        async def read(size: int) -> tuple[Sequence[vim_pb2.Vim], str]:
            sized, store = replace(query, page_size=size), self._store
            page = await (store.list_vims(sized) if time is None else store.as_of.list_vims(sized, time))
            return await in_slices(lambda vim: show(vim, caller, read_mask), page.vims), page.next_page_token

        vims, token = await read_fitting(read, _page_size(request.page_size))
        return pb.ListVimsResponse(vims=vims, next_page_token=token)

    async def ModifyVim(self, request: pb.ModifyVimRequest, context: _Context) -> pb.ModifyVimResponse:
        return pb.ModifyVimResponse(vim=await self._modify(request))

    async def ModifyVimJson(self, request: pb.ModifyVimJsonRequest, context: _Context) -> pb.ModifyVimJsonResponse:
        inner_request = json_requests.parse_json_request(request.request.data, pb.ModifyVimRequest())
        request_messages.require_path_id("vim.id", inner_request.vim.id, request.vim_id)
        inner_request.vim.id = request.vim_id
        self._rules.check(inner_request)
        return pb.ModifyVimJsonResponse(vim=await self._modify(inner_request))

    async def _modify(self, request: pb.ModifyVimRequest) -> vim_pb2.Vim:
        caller, vim_id = current_caller(), request_messages.id_of(request.vim.id)
        subject = ChangeSubject() if request.validate_only else note_change(vim_id=vim_id)
        if not vim_id:
            raise BadInput(Violation("vim.id", "is required"))
        modification = request_messages.modification(request, request_messages.modified_paths(request))
        if modification.engine:
            self._engines.require(modification.engine)
        project_id = request_messages.assumed_project(request)
        # It is safe to read this outside the modifying transaction, because a VIM never leaves its project.
        if project_id and (await self._store.get(vim_id, caller)).project_id != project_id:
            raise BadInput(Violation("vim.project_id", "cannot be changed"))
        vim = await self._store.modify(vim_id, modification, caller, validate_only=request.validate_only)
        subject.project_id = vim.project_id
        self._tell_watchers(request)
        return shown_vim(vim, caller)

    async def DeregisterVim(self, request: pb.DeregisterVimRequest, context: _Context) -> pb.DeregisterVimResponse:
        vim_id = request_messages.id_of(request.vim_id)
        subject = ChangeSubject() if request.validate_only else note_change(vim_id=vim_id)
        subject.project_id = await self._store.deregister(vim_id, current_caller(), validate_only=request.validate_only)
        self._tell_watchers(request)
        return pb.DeregisterVimResponse()

    async def ModifyVims(self, request: pb.ModifyVimsRequest, context: _Context) -> pb.ModifyVimsResponse:
        response = await self._bulk_changer.modify(request, current_caller())
        self._tell_watchers(request)
        return response

    async def DeregisterVims(self, request: pb.DeregisterVimsRequest, context: _Context) -> pb.DeregisterVimsResponse:
        response = await self._bulk_changer.deregister(request, current_caller())
        self._tell_watchers(request)
        return response

    async def ModifyVimsJson(self, request: pb.ModifyVimsJsonRequest, context: _Context) -> pb.ModifyVimsJsonResponse:
        inner_request = json_requests.parse_json_request(request.request.data, pb.ModifyVimsRequest())
        self._rules.check(inner_request)
        response = await self.ModifyVims(inner_request, context)
        return pb.ModifyVimsJsonResponse(results=response.results, next_page_token=response.next_page_token)

    async def DeregisterVimsJson(
        self, request: pb.DeregisterVimsJsonRequest, context: _Context
    ) -> pb.DeregisterVimsJsonResponse:
        inner_request = json_requests.parse_plain_request(request.request.data, pb.DeregisterVimsRequest())
        self._rules.check(inner_request)
        response = await self.DeregisterVims(inner_request, context)
        return pb.DeregisterVimsJsonResponse(results=response.results, next_page_token=response.next_page_token)

    def _tell_watchers(self, request: _Change) -> None:
        """Let watchers see soon what was changed. A request that is only checked changes nothing."""
        if not request.validate_only:
            self._feed.poke()

    def WatchVims(  # type: ignore[override]  # see SERIALIZED_RESPONSES
        self, request: pb.WatchVimsRequest, context: _Context
    ) -> AsyncIterator[bytes]:
        return self._watches.watch(request, current_caller())

    async def SummarizeVims(self, request: pb.SummarizeVimsRequest, context: _Context) -> pb.SummarizeVimsResponse:
        query = SummaryQuery(parse_filter(request.filter), parse_group_by(request.group_by), current_caller().projects)
        return summary_message(await self._store.filters.summarize(query))

    async def ListVimEvents(self, request: pb.ListVimEventsRequest, context: _Context) -> pb.ListVimEventsResponse:
        caller, vim_filter = current_caller(), parse_filter(request.filter)

        async def read(size: int) -> tuple[Sequence[vim_pb2.VimEvent], str]:
            events, token = await list_events(self._store, request, vim_filter, size, caller)
            return await in_slices(lambda event: event_message(event, caller.shown_engines), events), token

        events, token = await read_fitting(read, _page_size(request.page_size))
        return pb.ListVimEventsResponse(events=events, next_page_token=token)


def _get_result(found: Vim | VimNotFound, caller: Caller) -> pb.GetVimResult:
    if isinstance(found, VimNotFound):
        return pb.GetVimResult(refused=rich_status(found)[1])
    return pb.GetVimResult(vim=shown_vim(found, caller))


def _page_size(requested: int) -> int:
    return min(requested or DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE)
