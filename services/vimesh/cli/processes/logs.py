"""Configures logging to standard error: readable on a terminal, parseable elsewhere, never with secrets."""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any, Final, TextIO

import structlog
from structlog.typing import Processor

from vimesh.cli.base.command_settings import LogFormat, LogSettings
from vimesh.cli.base.terminal import coloured
from vimesh.cli.processes.log_limits import LEFT_OUT, LIBRARIES, FewAndShort
from vimesh.domain.credential_masks import MASK, mask_text, names_secret
from vimesh.tracing.current_request import add_request_id

_FIRST_KEYS: Final = ("timestamp", "level", "event", "request_id")


def set_up(settings: LogSettings, stream: TextIO | None = None) -> None:
    """Configure the logs of this process, including those of libraries (warnings and above)."""
    stream = stream or sys.stderr
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        add_request_id,
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
            foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder(allow=[LEFT_OUT])],
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
        # The others are structlog's own. Tracebacks are masked once they are text.
        if key != "exc_info" and not key.startswith("_"):
            event[key] = _shown(key, value)
    return event


def _shown(key: str, value: Any) -> Any:  # noqa: ANN401 - whatever is logged
    if names_secret(key):
        return MASK
    if isinstance(value, str):
        return mask_text(value)
    if isinstance(value, Mapping):
        return {str(name): _shown(str(name), inner) for name, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_shown(key, inner) for inner in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    # Renderers write the text of anything else, such as an error that quotes a URL.
    masked = mask_text(text := str(value))
    return value if masked == text else masked


def _rendering(wanted: LogFormat, stream: TextIO) -> list[Processor]:
    if wanted is LogFormat.AUTO:
        wanted = LogFormat.CONSOLE if stream.isatty() else LogFormat.LOGFMT
    as_text: list[Processor] = [structlog.processors.format_exc_info, without_secrets]
    if wanted is LogFormat.CONSOLE:
        plain = structlog.dev.plain_traceback
        return [*as_text, structlog.dev.ConsoleRenderer(colors=coloured(stream), exception_formatter=plain)]
    if wanted is LogFormat.JSON:
        return [*as_text, structlog.processors.JSONRenderer()]
    logfmt = structlog.processors.LogfmtRenderer(key_order=_FIRST_KEYS, drop_missing=True, bool_as_flag=False)
    return [*as_text, logfmt]
