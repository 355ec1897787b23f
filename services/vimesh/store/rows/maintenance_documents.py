"""Converts the maintenance of a VIM to the documents of its events, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from vimesh.domain.vims import VimMaintenance
from vimesh.store.schema.timestamps import micros_of, moment

_KEY: Final = "maintenance"


def document_of_maintenance(maintenance: VimMaintenance | None) -> dict[str, Any]:
    if maintenance is None:
        return {_KEY: None}
    return {
        _KEY: {
            "window_id": maintenance.window_id,
            "reason": maintenance.reason,
            "end_time": micros_of(maintenance.end_time),
        }
    }


def maintenance_of_document(document: Mapping[str, Any]) -> VimMaintenance | None:
    stored = document[_KEY]
    return None if stored is None else VimMaintenance(**{**stored, "end_time": moment(stored["end_time"])})
