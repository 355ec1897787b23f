"""Serves FleetService: how the fleet is, its processes, the pool of monitors, and the causes of what is lost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import grpc

from vimesh.domain.access.caller import Caller, CallerRole
from vimesh.domain.errors import PermissionDenied
from vimesh.domain.fleet.process_announcements import REPORT_WITHIN_S, ProcessKind
from vimesh.domain.vim_store import VimStore
from vimesh.domain.vims import Engine
from vimesh.rpc.call_entrance import current_caller, note_change
from vimesh.rpc.caller_roles import WRITING_PEOPLE
from vimesh.v1 import fleet_service_pb2 as pb
from vimesh.v1.fleet_service_pb2_grpc import FleetServiceServicer
from vimesh.wire.fleet_messages import (
    announcement_of,
    cause_detail_message,
    cause_message,
    fleet_message,
    monitor_message,
)
from vimesh.wire.request_messages import id_of
from vimesh.wire.wire_durations import duration, timestamp

_Context = grpc.aio.ServicerContext[Any, Any]
_PAGE_SIZE: Final = 100
_ENGINES: Final = {
    ProcessKind.MONITOR: Engine.EMBEDDED,
    ProcessKind.BRIDGE: Engine.EXTERNAL,
    ProcessKind.EXECUTOR: Engine.MISTRAL,
}
"""The engine whose actions each kind of process reports on."""


class FleetServicer(FleetServiceServicer):
    def __init__(self, store: VimStore, pool_changed: Callable[[], object] = lambda: None) -> None:
        """`pool_changed` is called after each change of who is in the pool."""
        self._store = store
        self._pool_changed = pool_changed

    async def GetFleetStatus(self, request: pb.GetFleetStatusRequest, context: _Context) -> pb.GetFleetStatusResponse:
        caller = current_caller()
        # Its processes, and how much they do, say something of the VIMs of all projects.
        whole = caller.projects is None and not caller.roles.isdisjoint(WRITING_PEOPLE)
        return fleet_message(await self._store.fleet_status(caller.projects, whole=whole))

    async def ReportProcess(self, request: pb.ReportProcessRequest, context: _Context) -> pb.ReportProcessResponse:
        caller = current_caller()
        announcement = announcement_of(request)
        _require_process(caller, announcement.kind)
        if request.ending:
            await self._store.withdraw_process(announcement.process_id, caller.identity)
            self._pool_changed()
        else:
            await self._store.announce_process(announcement, caller.identity)
        return pb.ReportProcessResponse(report_within=duration(REPORT_WITHIN_S))

    async def ListMonitors(self, request: pb.ListMonitorsRequest, context: _Context) -> pb.ListMonitorsResponse:
        _require_whole_fleet(current_caller())
        monitors = await self._store.pool.list_monitors()
        now = await self._store.clock()
        return pb.ListMonitorsResponse(monitors=map(monitor_message, monitors), time=timestamp(now))

    async def DrainMonitor(self, request: pb.DrainMonitorRequest, context: _Context) -> pb.DrainMonitorResponse:
        _require_whole_fleet(current_caller())
        monitor_id = id_of(request.monitor_id)
        note_change(monitor_id=monitor_id)
        monitor = await self._store.pool.drain(monitor_id, draining=not request.undo)
        self._pool_changed()
        return pb.DrainMonitorResponse(monitor=monitor_message(monitor))

    async def ListCauses(self, request: pb.ListCausesRequest, context: _Context) -> pb.ListCausesResponse:
        size = min(request.page_size or _PAGE_SIZE, _PAGE_SIZE)
        page = await self._store.causes.list_causes(size, request.page_token, current_caller(), ended=request.ended)
        return pb.ListCausesResponse(causes=map(cause_message, page.causes), next_page_token=page.next_page_token)

    async def GetCause(self, request: pb.GetCauseRequest, context: _Context) -> pb.GetCauseResponse:
        return cause_detail_message(await self._store.causes.get(id_of(request.cause_id), current_caller()))


def _require_whole_fleet(caller: Caller) -> None:
    """Raise PermissionDenied unless the caller sees all projects: monitors are not those of one project."""
    if caller.projects is not None:
        raise PermissionDenied("the monitors of the fleet are for callers that see all projects")


def _require_process(caller: Caller, kind: ProcessKind) -> None:
    """Raise PermissionDenied unless the caller may be a process of this kind: others must not be taken for it."""
    if kind is ProcessKind.API:
        caller.require_role((CallerRole.DRIVER,), "ReportProcess of an api process")
        return
    if kind is ProcessKind.NOTIFIER:
        caller.require_role((CallerRole.NOTIFIER,), "ReportProcess of a notifier")
    elif kind is ProcessKind.CONSOLE:
        caller.require_role((CallerRole.CONSOLE,), "ReportProcess of a console")
    else:
        caller.require_engine(_ENGINES[kind])
    caller.require_all_projects("a process of the fleet")
