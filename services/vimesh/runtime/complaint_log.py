"""Limits the log lines that a peer can cause: some of each kind in a period, then the number of further ones."""

from __future__ import annotations

import asyncio

import structlog

_log = structlog.get_logger()

_MOST_LINES = 100
_WITHIN_S = 10.0


class ComplaintLog:
    """Log lines of one kind, about messages from peers. Use it in a running loop."""

    def __init__(self, event: str, *, most_lines: int = _MOST_LINES, within_s: float = _WITHIN_S) -> None:
        self._event = event
        self._most_lines = most_lines
        self._within_s = within_s
        self._lines = 0

    def add(self, **details: object) -> None:
        """Write a line, unless the period has had too many."""
        if not self._lines:
            asyncio.get_running_loop().call_later(self._within_s, self._end_period)
        self._lines += 1
        if self._lines <= self._most_lines:
            _log.warning(self._event, **details)

    def _end_period(self) -> None:
        more, self._lines = self._lines - self._most_lines, 0
        if more > 0:
            _log.warning(self._event, more=more, within=f"{self._within_s:g}s")
