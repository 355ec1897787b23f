"""Derives the to-dos of a change from its event, so that no change can omit them (G9)."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from vimesh.domain.events import EventKind
from vimesh.domain.todos import TodoKind
from vimesh.domain.vims import Engine


def todos_of(events: Iterable[Mapping[str, Any]], traceparent: str = "") -> list[dict[str, Any]]:
    """Return rows of `todos`: start the new action, then stop the old one. `traceparent`: the span that causes them."""
    return [{**todo, "traceparent": traceparent} for event in events for todo in _of(event)]


def _of(event: Mapping[str, Any]) -> Iterable[dict[str, Any]]:
    kind, stopped = event["kind"], event["stopped_action_id"]
    stays = kind != EventKind.DEREGISTERED and event["engine"] == Engine.MISTRAL
    if stopped and event["stopped_engine"] == Engine.MISTRAL:
        yield _todo(event, TodoKind.STOP, stopped, vim_gone=not stays)
    if stays and (stopped or kind == EventKind.REGISTERED):
        yield _todo(event, TodoKind.START, event["action_id"], vim_gone=False)


def _todo(event: Mapping[str, Any], kind: TodoKind, action_id: str, *, vim_gone: bool) -> dict[str, Any]:
    return {
        # Grows with the revision, so it follows the order of commits. Within one change the start comes first: the VIM
        # is probed while the old action, which can no longer write, is still being stopped (G11).
        "number": 2 * event["revision"] + (kind is TodoKind.STOP),
        "id": str(uuid.uuid4()),
        "kind": kind,
        "vim_id": event["vim_id"],
        "action_id": action_id,
        "vim_gone": vim_gone,
        "due_time": event["time"],
        "claim_token": "",
        "claimant": "",
        "attempts": 0,
        "failures": 0,
        "error": "",
    }
