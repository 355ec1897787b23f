"""Sends our log lines to the log of the executor that we run in."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

import structlog

from vimesh.tracing.current_request import add_request_id


def log_to_stdlib() -> None:
    """Pass our lines to the standard logging, unless the process has configured structlog."""
    if structlog.is_configured():
        return
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, add_request_id, _as_line],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
    )


def _as_line(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> tuple[tuple[str], MutableMapping[str, Any]]:
    """Write the event and its values into the message, which oslo.log prints unchanged."""
    told = event.pop("event")
    for_logging = {"exc_info": event.pop("exc_info")} if "exc_info" in event else {}
    return (" ".join([told, *(f"{key}={value!r}" for key, value in event.items())]),), for_logging
