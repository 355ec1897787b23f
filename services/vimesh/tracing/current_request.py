"""Knows the request id of the call that is being served, for log lines and for the calls that are made for it.

The front makes the id, and each process passes it on in the header `x-request-id`. A conductor serves thousands of
calls a second and logs hardly any of them, so it only notes where the id can be read.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, MutableMapping
from contextvars import ContextVar
from typing import Any, Final

from vimesh.tracing.spans import TRACEPARENT, current_traceparent

REQUEST_ID: Final = "x-request-id"
MAX_REQUEST_ID: Final = 128
"""Longer ids are cut."""

Metadata = Iterable[tuple[str, str | bytes]]

_request: ContextVar[str | Metadata] = ContextVar("request", default="")
"""The id, or the headers that hold it. Each call is served in a task of its own."""
_metadata: ContextVar[Metadata] = ContextVar("metadata", default=())
"""gRPC makes the headers once, to find the handler, in the task in which it serves the call. A context makes them again
each time that it is asked, which takes longer than all that is done with them."""


def new_request_id() -> str:
    return str(uuid.uuid4())


def enter_request(source: str | Metadata) -> None:
    """Note what the current task serves: a request id, or the headers of the call."""
    _request.set(source)


def enter_call(metadata: Metadata | None) -> None:
    """Note the headers of the call that the current task serves."""
    _metadata.set(headers := metadata or ())
    enter_request(headers)


def call_metadata() -> Metadata:
    """Return the headers of the call that the current task serves; none outside of calls."""
    return _metadata.get()


def current_request_id() -> str:
    """Return the id of the request that is being served; empty if there is none."""
    source = _request.get()
    return source if isinstance(source, str) else header_in(source, REQUEST_ID)


def request_metadata() -> tuple[tuple[str, str], ...]:
    """Return what tells the next process for which request, and in which span, it is called."""
    named = ((REQUEST_ID, current_request_id()), (TRACEPARENT, current_traceparent()))
    return tuple((name, value) for name, value in named if value)


def header_in(metadata: Metadata, name: str) -> str:
    """Return the id in a header, cut to its maximum length; empty if there is none, or if it is not plain text."""
    return next((plain_id(value) for key, value in metadata if key == name), "")


def plain_id(value: object) -> str:
    """Return the value as an id that is safe in headers and logs; empty if it is none."""
    if not isinstance(value, str) or not (value.isascii() and value.isprintable()):
        return ""
    return value[:MAX_REQUEST_ID]


def add_request_id(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Add the id to a log line, as a processor of structlog."""
    if request_id := current_request_id():
        event.setdefault("request_id", request_id)
    return event
