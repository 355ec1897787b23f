"""Our log lines in somebody else's process: they go where its own go."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

import structlog


def log_to_stdlib() -> None:
    """Hand our lines to the standard logging, unless the process has decided otherwise."""
    if structlog.is_configured():
        return
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, _as_line],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
    )


def _as_line(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> tuple[tuple[str], MutableMapping[str, Any]]:
    """Write the event and what belongs to it into the message, which oslo.log prints as it is."""
    told = event.pop("event")
    for_logging = {"exc_info": event.pop("exc_info")} if "exc_info" in event else {}
    return (" ".join([told, *(f"{key}={value!r}" for key, value in event.items())]),), for_logging
