"""Serves MaintenanceService: for which VIMs work is planned, and when."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import grpc

from vimesh.domain.maintenance.maintenance_store import MaintenanceStore
from vimesh.domain.maintenance.maintenance_windows import CreatedWindow
from vimesh.rpc.call_entrance import current_caller, note_change
from vimesh.v1 import maintenance_service_pb2 as pb
from vimesh.v1.maintenance_service_pb2_grpc import MaintenanceServiceServicer
from vimesh.wire import json_requests
from vimesh.wire.maintenance.window_messages import window_message
from vimesh.wire.maintenance.window_requests import new_window
from vimesh.wire.message_rules import Rules
from vimesh.wire.request_messages import id_of

_Context = grpc.aio.ServicerContext[Any, Any]
_PAGE_SIZE: Final = 100


class MaintenanceServicer(MaintenanceServiceServicer):
    def __init__(self, store: MaintenanceStore, rules: Rules, poke: Callable[[], None]) -> None:
        """`poke` is called after each change, so that watchers are told of it soon."""
        self._store = store
        self._rules = rules
        self._poke = poke

    async def CreateMaintenanceWindow(
        self, request: pb.CreateMaintenanceWindowRequest, context: _Context
    ) -> pb.CreateMaintenanceWindowResponse:
        created = await self._create(request)
        return pb.CreateMaintenanceWindowResponse(window=window_message(created.window), vim_count=created.vim_count)

    async def CreateMaintenanceWindowJson(
        self, request: pb.CreateMaintenanceWindowJsonRequest, context: _Context
    ) -> pb.CreateMaintenanceWindowJsonResponse:
        inner_request = json_requests.parse_plain_request(request.request.data, pb.CreateMaintenanceWindowRequest())
        self._rules.check(inner_request)
        created = await self._create(inner_request)
        return pb.CreateMaintenanceWindowJsonResponse(
            window=window_message(created.window), vim_count=created.vim_count
        )

    async def _create(self, request: pb.CreateMaintenanceWindowRequest) -> CreatedWindow:
        caller = current_caller()
        if not request.validate_only:
            subject = note_change(request_id=id_of(request.request_id), project_id=request.window.project_id)
        new = new_window(request, caller)
        created = await self._store.create(new, caller, validate_only=request.validate_only)
        if not request.validate_only:
            subject.project_id, subject.window_id = new.coverage.project_id, created.window.id
            self._poke()
        return created

    async def GetMaintenanceWindow(
        self, request: pb.GetMaintenanceWindowRequest, context: _Context
    ) -> pb.GetMaintenanceWindowResponse:
        window = await self._store.get(id_of(request.window_id), current_caller())
        return pb.GetMaintenanceWindowResponse(window=window_message(window))

    async def ListMaintenanceWindows(
        self, request: pb.ListMaintenanceWindowsRequest, context: _Context
    ) -> pb.ListMaintenanceWindowsResponse:
        size = min(request.page_size or _PAGE_SIZE, _PAGE_SIZE)
        windows, token = await self._store.list_windows(size, request.page_token, current_caller(), ended=request.ended)
        return pb.ListMaintenanceWindowsResponse(windows=map(window_message, windows), next_page_token=token)

    async def EndMaintenanceWindow(
        self, request: pb.EndMaintenanceWindowRequest, context: _Context
    ) -> pb.EndMaintenanceWindowResponse:
        window_id = id_of(request.window_id)
        subject = note_change(window_id=window_id)
        window = await self._store.end(window_id, current_caller())
        subject.project_id = window.coverage.project_id
        self._poke()
        return pb.EndMaintenanceWindowResponse(window=window_message(window))
