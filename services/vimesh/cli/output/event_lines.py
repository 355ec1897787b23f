"""Formats changes as lines for people, and as one JSON object per line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from vimesh.cli.base.terminal import printable
from vimesh.cli.output.condition_words import changed_conditions
from vimesh.cli.output.documents import document
from vimesh.cli.output.table_columns import ResourceTable, TableColumn, Visibility
from vimesh.cli.output.vim_columns import moment, status
from vimesh.client.enum_names import name_of
from vimesh.v1.vim_pb2 import Vim, VimEvent

_STATUS_KINDS = (VimEvent.STATUS_CHANGED, VimEvent.REASON_CHANGED)


_MAINTENANCE_KINDS = (VimEvent.MAINTENANCE_STARTED, VimEvent.MAINTENANCE_ENDED)


@dataclass(frozen=True, slots=True)
class NamedEvent:
    event: VimEvent
    name: str
    """Of the VIM; empty if nobody knows it any more."""


EVENTS: Final = ResourceTable[NamedEvent](
    columns=(
        TableColumn("TIME", lambda named: moment(named.event.time)),
        TableColumn("NAME", lambda named: named.name or named.event.vim_id),
        TableColumn("KIND", lambda named: name_of(VimEvent.Kind, named.event.kind)),
        TableColumn("CHANGE", lambda named: _change(named.event)),
        TableColumn("REASON", lambda named: _reason(named.event)),
        TableColumn("DETAIL", lambda named: named.event.detail),
        TableColumn("ACTOR", lambda named: named.event.actor),
        TableColumn("ID", lambda named: named.event.vim_id, Visibility.WIDE),
        TableColumn(
            "REVISION",
            lambda named: str(named.event.revision),
            Visibility.WIDE,
            value=lambda named: named.event.revision,
        ),
    ),
    name=lambda named: named.name or named.event.vim_id,
    document=lambda named: document(named.event),
)


def event_line(event: VimEvent, name: str) -> str:
    """Return a line with the time, the VIM, the change, its reason, and who made it."""
    what = _change(event) or name_of(VimEvent.Kind, event.kind)
    if event.kind in _MAINTENANCE_KINDS:
        what = f"{name_of(VimEvent.Kind, event.kind)}{_maintenance(event)}"
    why = f"  {reason}" if (reason := _reason(event)) else ""
    said = event.view.detail if event.kind == VimEvent.VIEW_CHANGED else event.detail
    detail = f"  {said}" if why and said else ""
    actor = f"  by {event.actor}" if event.actor else ""
    out = "  (no longer matches)" if event.filtered_out else ""
    return printable(f"{moment(event.time)}  {name or event.vim_id}  {what}{why}{detail}{actor}{out}")


def _change(event: VimEvent) -> str:
    """Return the status before and after a change, or what changed instead; empty if the kind says all."""
    if event.kind == VimEvent.STATUS_CHANGED:
        return f"{status(event.previous_status)} -> {status(event.status)}"
    if event.kind == VimEvent.REASON_CHANGED:
        return f"still {status(event.status)}"
    if event.kind == VimEvent.VIEW_CHANGED:
        return f"{event.view.vantage} says {status(event.view.status)}"
    if event.kind == VimEvent.CONDITION_CHANGED:
        return changed_conditions(event)
    return ""


def _reason(event: VimEvent) -> str:
    if event.kind == VimEvent.VIEW_CHANGED:
        return event.view.reason
    return event.reason if event.kind in _STATUS_KINDS else ""


def _maintenance(event: VimEvent) -> str:
    """Return until when the VIM is in maintenance after a change, and why."""
    if not event.HasField("maintenance"):
        return ""
    left = event.maintenance
    return f"  until {moment(left.end_time)}  {left.reason}"


def vim_line(vim: Vim) -> str:
    """Return a line with the status of a VIM at the start of a watch."""
    why = f"  {vim.reason}" if vim.reason else ""
    kept = f"  in maintenance until {moment(vim.maintenance.end_time)}" if vim.HasField("maintenance") else ""
    return printable(f"{moment(vim.status_time)}  {vim.name}  is {status(vim.status)}{why}{kept}")


def event_document(event: VimEvent) -> dict[str, Any]:
    return {"event": document(event)}


def vim_document(vim: Vim) -> dict[str, Any]:
    return {"vim": document(vim)}
