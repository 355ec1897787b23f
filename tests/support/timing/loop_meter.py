"""Measures how long the loop is blocked at most, in CPU time of its thread: that is the same on a busy machine."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Generator
from contextlib import contextmanager

_TICK_S = 0.005


class LoopMeter:
    """Reads the clock whenever the loop runs it."""

    def __init__(self) -> None:
        self.longest_hold_s = 0.0
        self._loop = asyncio.get_running_loop()
        self._handle: asyncio.TimerHandle | None = None
        self._last_s = 0.0

    def start(self) -> None:
        self._last_s = time.thread_time()
        self._handle = self._loop.call_later(_TICK_S, self._tick)

    def stop(self) -> None:
        assert self._handle is not None
        self._handle.cancel()
        self._look()

    def _look(self) -> None:
        now_s = time.thread_time()
        self.longest_hold_s = max(self.longest_hold_s, now_s - self._last_s)
        self._last_s = now_s

    def _tick(self) -> None:
        self._look()
        self._handle = self._loop.call_later(_TICK_S, self._tick)


@contextmanager
def loop_meter() -> Generator[LoopMeter]:
    """Measure the running loop for as long as the block lasts."""
    meter = LoopMeter()
    meter.start()
    try:
        yield meter
    finally:
        meter.stop()
