"""Prints maintenance windows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from vimesh.cli.base.command_settings import Output
from vimesh.cli.base.durations import exact
from vimesh.cli.output import documents, text_tables
from vimesh.cli.output.vim_columns import moment, name_of
from vimesh.v1.maintenance_service_pb2 import MaintenanceWindow
from vimesh.wire.wire_durations import seconds

_COLUMNS: Final[Mapping[str, Callable[[MaintenanceWindow], str]]] = {
    "ID": lambda window: window.id,
    "STATE": lambda window: name_of(MaintenanceWindow.State, window.state),
    "FROM": lambda window: moment(window.occurrence_start_time) if window.HasField("occurrence_start_time") else "",
    "UNTIL": lambda window: moment(window.occurrence_end_time) if window.HasField("occurrence_end_time") else "",
    "VIMS": lambda window: window.filter or _counted(len(window.vim_ids)),
    "AGAIN": lambda window: f"{window.rrule} {window.time_zone}" if window.rrule else "",
    "REASON": lambda window: window.reason,
}


def print_windows(output: Output, windows: Sequence[MaintenanceWindow]) -> None:
    if output is not Output.TABLE:
        documents.write_all(output, windows)
        return
    text_tables.write(list(_COLUMNS), [[cell(window) for cell in _COLUMNS.values()] for window in windows])


def print_window(output: Output, window: MaintenanceWindow) -> None:
    content = documents.document(window)
    if output is not Output.TABLE:
        documents.write(output, content)
        return
    shown = {**content, "vim_ids": " ".join(window.vim_ids), "duration": exact(seconds(window.duration))}
    text_tables.write(("FIELD", "VALUE"), [(field, str(value)) for field, value in shown.items()])


def sentence(window: MaintenanceWindow, vim_count: int, *, is_plan: bool) -> str:
    """Return what a window that was created covers, and when."""
    name = "this window" if is_plan else f"window {window.id}"
    verb = "is open" if window.state == MaintenanceWindow.ACTIVE else "will be open"
    times = f"from {moment(window.occurrence_start_time)} until {moment(window.occurrence_end_time)}"
    again = f", then by {window.rrule} in {window.time_zone}" if window.rrule else ""
    return f"{name} {verb} {times}{again}; now it would cover {_counted(vim_count)}"


def _counted(count: int) -> str:
    return f"{count} VIM{'' if count == 1 else 's'}"
