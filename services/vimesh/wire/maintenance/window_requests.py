"""Reads the maintenance windows that people plan."""

from __future__ import annotations

import datetime as dt

from google.protobuf.timestamp_pb2 import Timestamp

from vimesh.domain.access.caller import Caller
from vimesh.domain.errors import BadInput, Violation
from vimesh.domain.maintenance.maintenance_windows import Coverage, NewWindow
from vimesh.domain.maintenance.time_zones import UTC_NAME
from vimesh.v1 import maintenance_service_pb2 as pb
from vimesh.wire.request_messages import id_of


def new_window(request: pb.CreateMaintenanceWindowRequest, caller: Caller) -> NewWindow:
    """Read a request that keeps the rules of its proto. Raises BadInput, PermissionDenied."""
    window = request.window
    lasting = dt.timedelta(seconds=window.duration.seconds, microseconds=window.duration.nanos // 1000)
    # Each id once, in the order of the request.
    vim_ids = tuple(dict.fromkeys(map(id_of, window.vim_ids)))
    return NewWindow(
        coverage=Coverage(_project_of(window, caller), window.filter, vim_ids),
        reason=window.reason,
        start=_moment(window.start_time) if window.HasField("start_time") else None,
        end=_moment(window.end_time) if window.HasField("end_time") else None,
        duration=lasting if window.HasField("duration") else None,
        rule=window.rrule,
        time_zone=window.time_zone or UTC_NAME,
        request_id=id_of(request.request_id),
    )


def _project_of(window: pb.MaintenanceWindow, caller: Caller) -> str:
    if window.project_id:
        caller.require_project(window.project_id)
        return window.project_id
    if caller.projects is None or caller.only_project:
        return caller.only_project
    raise BadInput(Violation("window.project_id", "is required of a caller of several projects"))


def _moment(time: Timestamp) -> dt.datetime:
    return time.ToDatetime(dt.UTC)
