"""Measures how late the timers of an event loop are."""

from __future__ import annotations

import asyncio
from typing import Final

from vimesh.runtime.histogram import CALL_SECONDS, Histogram

SAMPLE_EVERY_S: Final = 0.5


class LoopLag:
    """Samples from a callback of the loop, so that what delays the loop's work delays this, too."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Call `start` in the loop's thread."""
        self.histogram = Histogram(CALL_SECONDS)
        self._loop = loop
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        due = self._loop.time() + SAMPLE_EVERY_S
        self._timer = self._loop.call_at(due, self._sample, due)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _sample(self, due: float) -> None:
        # uvloop counts whole milliseconds, and may call one too early.
        self.histogram.observe(max(0.0, self._loop.time() - due))
        self.start()
