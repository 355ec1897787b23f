"""Defines the columns of availability: those that it is grouped by, and how long VIMs had which status."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Final

from google.protobuf.duration_pb2 import Duration

from vimesh.cli.output.table_columns import ResourceTable, TableColumn, Visibility
from vimesh.v1 import availability_service_pb2 as pb
from vimesh.v1 import vim_pb2

_STATUSES: Final = ("reachable", "unreachable", "unknown", "pending", "maintenance")
_VIM_ID: Final = "id"
_Row = pb.AvailabilityRow


def availability_table(fields: Sequence[str]) -> ResourceTable[_Row]:
    """Return how availability by these fields is listed: people read durations, programs read seconds, exactly.

    A VIM is shown by its name; its id is a column for `-o wide` and CSV.
    """
    return ResourceTable(
        columns=(
            *(
                TableColumn("NAME", lambda row: row.vim_name) if field == _VIM_ID else _group_column(field, index)
                for index, field in enumerate(fields)
            ),
            *(_group_column(field, index, Visibility.WIDE) for index, field in enumerate(fields) if field == _VIM_ID),
            TableColumn("AVAILABLE", _percent, value=_share),
            *(_status_column(status) for status in _STATUSES),
            TableColumn("MOSTLY", _main_cause),
        ),
        name=lambda row: row.vim_name or ",".join(row.group),
    )


def _group_column(field: str, index: int, visibility: Visibility = Visibility.ALWAYS) -> TableColumn[_Row]:
    return TableColumn(field.upper(), lambda row: row.group[index], visibility)


def _status_column(status: str) -> TableColumn[_Row]:
    duration: Callable[[_Row], Duration] = lambda row: getattr(row, status)  # noqa: E731 - used twice
    return TableColumn(
        status.upper(), lambda row: _readable(duration(row)), value=lambda row: _seconds(_micros(duration(row)))
    )


def _micros(duration: Duration) -> int:
    return duration.seconds * 1_000_000 + duration.nanos // 1000


def _seconds(micros: int) -> Decimal:
    return Decimal(micros).scaleb(-6)


def _thousandths(row: _Row) -> int | None:
    """Return the share of the time, without maintenance, in which was known whether the VIMs could be reached.

    In thousandths of a percent, rounded down: 100 % is said only of what was never unreachable.
    """
    reachable, unreachable = _micros(row.reachable), _micros(row.unreachable)
    return reachable * 100_000 // (reachable + unreachable) if reachable + unreachable else None


def _percent(row: _Row) -> str:
    share = _thousandths(row)
    return "-" if share is None else f"{share / 1000:.3f}%"


def _share(row: _Row) -> Decimal | str:
    share = _thousandths(row)
    return "" if share is None else Decimal(share).scaleb(-5)


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


def _main_cause(row: _Row) -> str:
    """Return the longest cause of time in which the VIMs were not reachable, such as `UNREACHABLE TIMEOUT`."""
    others = [cause for cause in row.causes if cause.status not in (vim_pb2.Vim.REACHABLE, vim_pb2.Vim.PENDING)]
    if not others:
        return ""
    longest = max(others, key=lambda cause: _micros(cause.duration))
    return f"{vim_pb2.Vim.Status.Name(longest.status)} {longest.reason}".strip()
