"""Converts maintenance windows to messages."""

from __future__ import annotations

from typing import Final

from vimesh.domain.maintenance.maintenance_windows import MaintenanceWindow, WindowState
from vimesh.v1 import maintenance_service_pb2 as pb
from vimesh.wire.wire_durations import duration, timestamp

_STATES: Final = {state: pb.MaintenanceWindow.State.Value(state.value) for state in WindowState}


def window_message(window: MaintenanceWindow) -> pb.MaintenanceWindow:
    times, occurrence = window.times, window.occurrence
    message = pb.MaintenanceWindow(
        id=window.id,
        project_id=window.coverage.project_id,
        filter=window.coverage.filter_text,
        vim_ids=window.coverage.vim_ids,
        start_time=timestamp(times.start),
        duration=duration(times.duration.total_seconds()),
        rrule=times.rule,
        time_zone=times.time_zone,
        reason=window.reason,
        creator=window.creator,
        create_time=timestamp(window.create_time),
        ended_time=timestamp(window.ended_time) if window.ended_time else None,
        state=_STATES[window.state],
    )
    if not times.rule:
        message.end_time.CopyFrom(timestamp(times.start + times.duration))
    if occurrence is not None:
        message.occurrence_start_time.CopyFrom(timestamp(occurrence.start))
        message.occurrence_end_time.CopyFrom(timestamp(occurrence.end))
    return message
