"""Holds the health of a conductor in a form that other threads than its loop can read."""

from __future__ import annotations

import time
from collections.abc import Callable

BLOCKED_S = 5.0
"""A loop that has been blocked for this long does not serve. A single call blocks it for far less."""


class Vitals:
    """Written by the loop, read by any thread: each attribute is a single value, so no lock is needed."""

    def __init__(self, *, blocked_s: float = BLOCKED_S, clock: Callable[[], float] = time.monotonic) -> None:
        """Treat a loop that has been blocked for `blocked_s` as not serving."""
        self._blocked_s = blocked_s
        self._clock = clock
        self._last_beat_at = clock()
        self.database_works = False
        """Whether the database can be read and written."""
        self.draining = False

    def beat(self) -> None:
        """Record that the loop is running."""
        self._last_beat_at = self._clock()

    @property
    def serving(self) -> bool:
        """Whether the balancer should send calls."""
        return self.database_works and not self.draining and self._clock() - self._last_beat_at < self._blocked_s
