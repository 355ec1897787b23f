"""Holds whether the loop of a process runs, in a form that other threads can read."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final, Never

BLOCKED_S: Final = 5.0
"""A loop that has been blocked for this long does not serve. A single call blocks it for far less."""
BEAT_S: Final = 0.25


class LoopVitals:
    """Written by the loop, read by any thread: each attribute is a single value, so no lock is needed."""

    def __init__(self, *, blocked_s: float = BLOCKED_S, clock: Callable[[], float] = time.monotonic) -> None:
        """Treat a loop that has been blocked for `blocked_s` as not running."""
        self._blocked_s = blocked_s
        self._clock = clock
        self._last_beat_at = clock()
        self.ready = False
        """Whether the process does its work."""

    def beat(self) -> None:
        """Record that the loop is running."""
        self._last_beat_at = self._clock()

    async def follow(self, is_ready: Callable[[], bool]) -> Never:
        """Record at intervals that the loop is running, and whether the process is ready. Runs until cancelled."""
        while True:
            self.ready = is_ready()
            self.beat()
            await asyncio.sleep(BEAT_S)

    @property
    def loop_runs(self) -> bool:
        return self._clock() - self._last_beat_at < self._blocked_s

    @property
    def serving(self) -> bool:
        return self.ready and self.loop_runs
