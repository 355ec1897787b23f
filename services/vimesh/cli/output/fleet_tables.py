"""Prints the fleet at one look as tables."""

from __future__ import annotations

import sys
from collections import Counter
from typing import Final

from google.protobuf.timestamp_pb2 import Timestamp

from vimesh.cli.base.durations import brief
from vimesh.cli.output import text_tables
from vimesh.cli.output.vim_columns import seconds_of
from vimesh.client.enum_names import name_of
from vimesh.v1 import fleet_service_pb2 as pb
from vimesh.v1.workflow_service_pb2 import WorkflowTask
from vimesh.wire.wire_durations import seconds

_PROCESS: Final = ("KIND", "HOST", "PID", "VERSION", "UP", "SEEN", "LAG", "FACTS")


def write(status: pb.GetFleetStatusResponse, front: str) -> None:
    """`front`: what is known of the front, in words."""
    text_tables.write(("PART", "STATE"), _parts(status, front))
    if status.processes:
        sys.stdout.write("\n")
        text_tables.write(_PROCESS, [_process(process, status.time) for process in status.processes])
    if status.troubles:
        sys.stdout.write("\n")
        text_tables.write(("TROUBLE", "MESSAGE"), [(one.reason, one.message) for one in status.troubles])


def _parts(status: pb.GetFleetStatusResponse, front: str) -> list[tuple[str, str]]:
    vims = status.vims
    counts = [
        (vims.reachable, "REACHABLE"),
        (vims.unreachable, "UNREACHABLE"),
        (vims.unknown, "UNKNOWN"),
        (vims.pending, "PENDING"),
    ]
    by_status = ", ".join(f"{count} {name}" for count, name in counts if count)
    rows = [
        ("fleet", "in trouble" if status.troubles else "healthy"),
        ("front", front),
        ("vims", f"{vims.total}{': ' if by_status else ''}{by_status}"),
        ("unwatched", str(vims.unwatched)),
    ]
    if not status.whole_fleet:
        return [*rows, ("processes", "shown to operators of all projects, and to admins")]
    database = status.database
    return [
        *rows,
        ("processes", ", ".join(_kinds(status)) or "none"),
        ("versions", ", ".join(sorted({one.version for one in status.processes})) or "none"),
        ("database", f"{database.product} {database.version}, answers in {_milliseconds(seconds(database.latency))}"),
        ("tasks", ", ".join(map(_tasks, status.tasks)) or "none open"),
    ]


def _kinds(status: pb.GetFleetStatusResponse) -> list[str]:
    missing = Counter(one.kind for one in status.processes if one.missing)
    living = Counter(one.kind for one in status.processes if not one.missing)
    return [
        f"{living[kind]} {name_of(pb.FleetProcess.Kind, kind)}"
        + (f" ({missing[kind]} missing)" if missing[kind] else "")
        for kind in sorted({*missing, *living})
    ]


def _tasks(tasks: pb.OpenTasks) -> str:
    oldest = brief(seconds(tasks.oldest_age))
    return f"{tasks.count} {name_of(WorkflowTask.Kind, tasks.kind)}, the oldest for {oldest}"


def _process(process: pb.FleetProcess, now: Timestamp) -> tuple[str, ...]:
    # By the database's clock on both sides: the local one may be wrong.
    seen_s = seconds_of(now) - seconds_of(process.seen_time)
    return (
        name_of(pb.FleetProcess.Kind, process.kind),
        process.host,
        str(process.pid),
        process.version,
        "MISSING" if process.missing else brief(seconds_of(now) - seconds_of(process.start_time)),
        brief(seen_s),
        _milliseconds(seconds(process.loop_lag)),
        " ".join(f"{name}={value}" for name, value in sorted(process.facts.items())),
    )


def _milliseconds(duration_s: float) -> str:
    return f"{duration_s * 1000:.0f}ms" if duration_s < 10 else brief(duration_s)
