"""Reads executions of our workflows from Mistral's answers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from vimesh.engine.workflow import INPUT, vim_id_of

FIELDS = ("id", "workflow_name", "state", "state_info", "input")
"""The fields that a request has to name."""

_ENDED = {"SUCCESS", "ERROR", "CANCELLED"}


@dataclass(frozen=True, slots=True)
class Execution:
    id: str
    vim_id: str
    action_id: str
    state: str
    state_info: str

    @property
    def has_ended(self) -> bool:
        """Whether Mistral considers it finished. Otherwise its action is running, about to run, or lost."""
        return self.state in _ENDED


def our_execution(row: Mapping[str, object]) -> Execution | None:
    """Parse an execution; return None if others created it, even for a workflow with one of our names."""
    vim_id = vim_id_of(_text(row, "workflow_name"))
    ping_input = _ping_input_of(row.get("input"))
    action_id = ping_input.get("action_id")
    if not vim_id or ping_input.get("vim_id") != vim_id or not isinstance(action_id, str):
        return None
    return Execution(
        id=id_of(row),
        vim_id=vim_id,
        action_id=action_id,
        state=_text(row, "state"),
        state_info=_text(row, "state_info"),
    )


def id_of(row: Mapping[str, object]) -> str:
    """Return the id of one of Mistral's objects. Raises ValueError if it has none."""
    if not isinstance(row, Mapping) or not (text := _text(row, "id")):
        raise ValueError("has no id")
    return text


def action_id_of(row: Mapping[str, object]) -> str:
    """Return the id of our action that an action execution runs; empty if it is not one of ours."""
    action_id = _parse_object(row.get("input")).get("action_id")
    return action_id if isinstance(action_id, str) else ""


def _text(row: Mapping[str, object], name: str) -> str:
    value = row.get(name)
    return value if isinstance(value, str) else ""


def _ping_input_of(text: object) -> Mapping[str, object]:
    ping_input = _parse_object(text).get(INPUT)
    return ping_input if isinstance(ping_input, dict) else {}


def _parse_object(text: object) -> Mapping[str, object]:
    try:
        parsed = json.loads(text) if isinstance(text, str) else text
    except (ValueError, RecursionError):
        return {}
    return parsed if isinstance(parsed, dict) else {}
