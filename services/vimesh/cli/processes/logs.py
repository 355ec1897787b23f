"""Configures logging to standard error: readable on a terminal, parseable elsewhere, never with secrets."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any, TextIO

import structlog
from structlog.typing import Processor

from vimesh.cli.base.command_settings import LogFormat, LogSettings
from vimesh.cli.base.terminal import coloured
from vimesh.cli.processes.log_limits import LIBRARIES, FewAndShort

_SECRET_KEYS = re.compile(r"password|passwd|token|secret|auth_cred|credential|api_key", re.IGNORECASE)
_PASSWORD_IN_URL = re.compile(r"(://[^/\s:@]*):[^@/\s]+@")


def set_up(settings: LogSettings, stream: TextIO | None = None) -> None:
    """Configure the logs of this process, including those of libraries (warnings and above)."""
    stream = stream or sys.stderr
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        without_secrets,
    ]
    level = getattr(logging, settings.level.upper())
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.stdlib.LoggerFactory(),
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *_rendering(settings.format, stream),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("vimesh").setLevel(level)
    for name in LIBRARIES:
        logging.getLogger(name).filters = [FewAndShort()]


def without_secrets(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Mask secrets, in case a caller ever logs one."""
    for key, value in event.items():
        if _SECRET_KEYS.search(key):
            event[key] = "***"
        elif isinstance(value, str):
            event[key] = _PASSWORD_IN_URL.sub(r"\1:***@", value)
    return event


def _rendering(wanted: LogFormat, stream: TextIO) -> list[Processor]:
    if wanted is LogFormat.AUTO:
        wanted = LogFormat.CONSOLE if stream.isatty() else LogFormat.LOGFMT
    if wanted is LogFormat.CONSOLE:
        plain = structlog.dev.plain_traceback
        return [structlog.dev.ConsoleRenderer(colors=coloured(stream), exception_formatter=plain)]
    as_text = structlog.processors.format_exc_info
    if wanted is LogFormat.JSON:
        return [as_text, structlog.processors.JSONRenderer()]
    return [as_text, structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "event"], bool_as_flag=False)]
