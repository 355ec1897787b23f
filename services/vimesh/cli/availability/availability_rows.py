"""Prints rows of availability as a table, and as CSV."""

from __future__ import annotations

import csv
import sys
from collections.abc import Sequence
from typing import Final

from google.protobuf.duration_pb2 import Duration

from vimesh.cli.output import text_tables
from vimesh.v1 import availability_service_pb2 as pb
from vimesh.v1 import vim_pb2

_STATUSES: Final = ("reachable", "unreachable", "unknown", "pending", "maintenance")
_NAMELESS: Final = "id"


def write_table(fields: Sequence[str], rows: Sequence[pb.AvailabilityRow]) -> None:
    """Print one line for each row, with the VIM by its name, and the reason that cost most."""
    titles = ["NAME" if field == _NAMELESS else field.upper() for field in fields]
    text_tables.write(
        [*titles, "AVAILABLE", *(status.upper() for status in _STATUSES), "MOSTLY"],
        [
            [
                *(
                    row.vim_name if field == _NAMELESS else value
                    for field, value in zip(fields, row.group, strict=True)
                ),
                _share(row),
                *(_readable(getattr(row, status)) for status in _STATUSES),
                _main_cause(row),
            ]
            for row in rows
        ],
    )


def write_csv(fields: Sequence[str], rows: Sequence[pb.AvailabilityRow]) -> None:
    """Print seconds, exactly."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    names = ["name"] if _NAMELESS in fields else []
    writer.writerow([*fields, *names, *(f"{status}_s" for status in _STATUSES)])
    for row in rows:
        seconds = [_seconds(getattr(row, status)) for status in _STATUSES]
        writer.writerow([*row.group, *([row.vim_name] if names else []), *seconds])


def _micros(duration: Duration) -> int:
    return duration.seconds * 1_000_000 + duration.nanos // 1000


def _share(row: pb.AvailabilityRow) -> str:
    """Return the share of the time, without maintenance, in which was known whether the VIMs could be reached."""
    reachable, unreachable = _micros(row.reachable), _micros(row.unreachable)
    if not reachable + unreachable:
        return "-"
    # Rounded down: 100 % is said only of what was never unreachable.
    return f"{reachable * 100_000 // (reachable + unreachable) / 1000:.3f}%"


def _readable(duration: Duration) -> str:
    micros = _micros(duration)
    if not micros:
        return "-"
    minutes, seconds = divmod(micros // 1_000_000, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days}d{hours:02}h{minutes:02}m"
    return f"{hours}h{minutes:02}m{seconds:02}s" if hours else f"{minutes}m{seconds:02}s"


def _seconds(duration: Duration) -> str:
    return f"{duration.seconds}.{duration.nanos // 1000:06}"


def _main_cause(row: pb.AvailabilityRow) -> str:
    """Return the longest cause of time in which the VIMs were not reachable, such as `UNREACHABLE TIMEOUT`."""
    others = [cause for cause in row.causes if cause.status not in (vim_pb2.Vim.REACHABLE, vim_pb2.Vim.PENDING)]
    if not others:
        return ""
    longest = max(others, key=lambda cause: _micros(cause.duration))
    return f"{vim_pb2.Vim.Status.Name(longest.status)} {longest.reason}".strip()
