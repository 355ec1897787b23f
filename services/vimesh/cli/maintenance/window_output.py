"""Prints maintenance windows."""

from __future__ import annotations

from typing import Final

from vimesh.cli.base.durations import exact
from vimesh.cli.formats.output_formats import Output
from vimesh.cli.lists.print_lists import print_item
from vimesh.cli.output import documents, text_tables
from vimesh.cli.output.table_columns import ResourceTable, TableColumn, Visibility
from vimesh.cli.output.vim_columns import exact_moment, moment
from vimesh.client.enum_names import name_of
from vimesh.v1.maintenance_service_pb2 import MaintenanceWindow
from vimesh.wire.wire_durations import seconds

WINDOWS: Final = ResourceTable[MaintenanceWindow](
    columns=(
        TableColumn("ID", lambda window: window.id),
        TableColumn("STATE", lambda window: name_of(MaintenanceWindow.State, window.state)),
        TableColumn("FROM", lambda window: exact_moment(window.occurrence_start_time)),
        TableColumn("UNTIL", lambda window: exact_moment(window.occurrence_end_time)),
        TableColumn("VIMS", lambda window: window.filter or _counted(len(window.vim_ids))),
        TableColumn("AGAIN", lambda window: f"{window.rrule} {window.time_zone}" if window.rrule else ""),
        TableColumn("REASON", lambda window: window.reason),
        TableColumn("PROJECT", lambda window: window.project_id, Visibility.WIDE),
    ),
    name=lambda window: window.id,
)


def print_window(output: Output, window: MaintenanceWindow) -> None:
    if print_item(WINDOWS, window, output):
        return
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
