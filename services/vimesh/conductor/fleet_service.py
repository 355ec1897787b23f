"""Serves FleetService: how the fleet is, and the processes that make themselves known."""

from __future__ import annotations

from typing import Any, Final

import grpc

from vimesh.domain.access.caller import Caller, CallerRole
from vimesh.domain.errors import PermissionDenied
from vimesh.domain.fleet.process_announcements import REPORT_WITHIN_S, ProcessKind
from vimesh.domain.vim_store import VimStore
from vimesh.domain.vims import Engine
from vimesh.rpc.call_entrance import current_caller
from vimesh.rpc.caller_roles import WRITING_PEOPLE
from vimesh.v1 import fleet_service_pb2 as pb
from vimesh.v1.fleet_service_pb2_grpc import FleetServiceServicer
from vimesh.wire.fleet_messages import announcement_of, fleet_message
from vimesh.wire.wire_durations import duration

_Context = grpc.aio.ServicerContext[Any, Any]
_ENGINES: Final = {
    ProcessKind.MONITOR: Engine.EMBEDDED,
    ProcessKind.BRIDGE: Engine.EXTERNAL,
    ProcessKind.EXECUTOR: Engine.MISTRAL,
}
"""The engine whose actions each kind of process reports on."""


class FleetServicer(FleetServiceServicer):
    def __init__(self, store: VimStore) -> None:
        self._store = store

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
        else:
            await self._store.announce_process(announcement, caller.identity)
        return pb.ReportProcessResponse(report_within=duration(REPORT_WITHIN_S))


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
    if caller.projects is not None:
        raise PermissionDenied("a process of the fleet has all projects")
