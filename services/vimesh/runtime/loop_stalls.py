"""Measures for how long an event loop does not get to what is due."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final, Never

TICK_S: Final = 0.25


class LoopStalls:
    """Remembers the longest stall of the loop in which it runs."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._longest_s = 0.0

    async def run(self) -> Never:
        """Measure until cancelled."""
        while True:
            due = self._clock() + TICK_S
            await asyncio.sleep(TICK_S)
            self._longest_s = max(self._longest_s, self._clock() - due)

    def take_longest_s(self) -> float:
        """Return the longest stall since the last call, in seconds."""
        longest_s, self._longest_s = self._longest_s, 0.0
        return longest_s
