"""Converts events to Tacker's form."""

from __future__ import annotations

from typing import Final

from vimesh.api.rest.documents.vim_document import Document, moment, status_word
from vimesh.v1.vim_pb2 import VimEvent

ATTRIBUTES: Final = (
    *("id", "resource_id", "resource_type", "resource_state", "timestamp", "event_type", "event_details"),
)
RESOURCE_TYPE: Final = "vim"

_TYPES: Final = {
    VimEvent.REGISTERED: "CREATE",
    VimEvent.MODIFIED: "UPDATE",
    VimEvent.DEREGISTERED: "DELETE",
}
_OF_THE_MONITOR: Final = "MONITOR"


def event_document(event: VimEvent) -> Document:
    return {
        "id": event.revision,
        "resource_id": event.vim_id,
        "resource_type": RESOURCE_TYPE,
        "resource_state": status_word(event.status),
        "timestamp": moment(event.time),
        "event_type": _TYPES.get(event.kind, _OF_THE_MONITOR),
        "event_details": ": ".join(text for text in (event.reason, event.detail) if text),
    }
