"""Formats changes as lines for people, and as one JSON object per line."""

from __future__ import annotations

from typing import Any

from vimesh.cli.base.terminal import printable
from vimesh.cli.output.documents import document
from vimesh.cli.output.vim_columns import moment, name_of, status
from vimesh.v1.vim_pb2 import Vim, VimEvent

_STATUS_KINDS = (VimEvent.STATUS_CHANGED, VimEvent.REASON_CHANGED)


_MAINTENANCE_KINDS = (VimEvent.MAINTENANCE_STARTED, VimEvent.MAINTENANCE_ENDED)


def event_line(event: VimEvent, name: str) -> str:
    """Return a line with the time, the VIM, the change, its reason, and who made it."""
    what = name_of(VimEvent.Kind, event.kind)
    if event.kind == VimEvent.STATUS_CHANGED:
        what = f"{status(event.previous_status)} -> {status(event.status)}"
    elif event.kind == VimEvent.REASON_CHANGED:
        what = f"still {status(event.status)}"
    elif event.kind in _MAINTENANCE_KINDS:
        what = f"{what}{_maintenance(event)}"
    why = f"  {event.reason}" if event.reason and event.kind in _STATUS_KINDS else ""
    detail = f"  {event.detail}" if why and event.detail else ""
    actor = f"  by {event.actor}" if event.actor else ""
    out = "  (no longer matches)" if event.filtered_out else ""
    return printable(f"{moment(event.time)}  {name or event.vim_id}  {what}{why}{detail}{actor}{out}")


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
