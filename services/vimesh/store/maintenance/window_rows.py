"""Converts rows to maintenance windows of the domain, and back."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from sqlalchemy import RowMapping

from vimesh.domain.maintenance.maintenance_windows import Coverage, MaintenanceWindow, NewWindow, state_at
from vimesh.domain.maintenance.window_times import WindowTimes
from vimesh.store.schema.timestamps import micros_of, moment

Row = Mapping[str, Any] | RowMapping


def times_of(row: Row) -> WindowTimes:
    duration = dt.timedelta(microseconds=row["duration"])
    return WindowTimes(moment(row["start_time"]), duration, row["rrule"], row["time_zone"])


def coverage_of(row: Row) -> Coverage:
    return Coverage(row["project_id"], row["filter"], tuple(row["vim_ids"]))


def window_of(row: Row, now: int) -> MaintenanceWindow:
    """Return the window as it is at a time."""
    ended_time = None if row["ended_time"] is None else moment(row["ended_time"])
    times = times_of(row)
    state, occurrence = state_at(times, ended_time, moment(now))
    return MaintenanceWindow(
        id=row["id"],
        coverage=coverage_of(row),
        times=times,
        reason=row["reason"],
        creator=row["creator"],
        create_time=moment(row["create_time"]),
        ended_time=ended_time,
        state=state,
        occurrence=occurrence,
    )


def new_row(new: NewWindow, window_id: str, creator: str, *, now: int, revision: int) -> dict[str, Any]:
    """Return the row of a window without spans yet. Raises BadInput."""
    times = new.times(moment(now))
    first = times.next_from(times.start)
    return {
        "id": window_id,
        "project_id": new.coverage.project_id,
        "filter": new.coverage.filter_text,
        "vim_ids": list(new.coverage.vim_ids),
        "start_time": micros_of(times.start),
        "duration": times.duration // dt.timedelta(microseconds=1),
        "rrule": times.rule,
        "time_zone": times.time_zone,
        "reason": new.reason,
        "creator": creator,
        "create_time": now,
        "ended_time": None,
        "next_time": None if first is None else micros_of(first.start),
        "planned_number": None,
        "planned_end": 0,
        "revision": revision,
        "closed": False,
    }
