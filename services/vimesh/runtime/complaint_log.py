"""Limits the log lines that a peer can cause: some of each kind in a period, then the number of further ones."""

from __future__ import annotations

import asyncio
from contextvars import Context

import structlog

_log = structlog.get_logger()

_MAX_LINES = 100
_PERIOD_S = 10.0


class ComplaintLog:
    """Log lines of one kind, about messages from peers. Use it in a running loop."""

    def __init__(self, event: str, *, max_lines: int = _MAX_LINES, period_s: float = _PERIOD_S) -> None:
        self._event = event
        self._max_lines = max_lines
        self._period_s = period_s
        self._lines = 0

    def add(self, **details: object) -> None:
        """Write a line, unless the period has had too many."""
        if not self._lines:
            # In a context of its own: the number at the end of the period is not of the first line's request.
            asyncio.get_running_loop().call_later(self._period_s, self._end_period, context=Context())
        self._lines += 1
        if self._lines <= self._max_lines:
            _log.warning(self._event, **details)

    def _end_period(self) -> None:
        left_out, self._lines = self._lines - self._max_lines, 0
        if left_out > 0:
            _log.warning(self._event, left_out=left_out, within=f"{self._period_s:g}s")
