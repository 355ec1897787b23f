"""How long to wait before a process is started again."""

from __future__ import annotations

import random
from collections.abc import Callable

FIRST_S = 0.2
LONGEST_S = 5.0
STEADY_S = 10.0
"""A process that ran for this long had not failed to start."""


class RestartBackoff:
    def __init__(self, jitter: Callable[[], float] = random.random) -> None:
        self._next_s = FIRST_S
        self._jitter = jitter

    def after(self, ran_s: float) -> float:
        """Return the pause after a run of that length: twice the last one, less up to a quarter."""
        if ran_s >= STEADY_S:
            self._next_s = FIRST_S
        pause_s = self._next_s * (1 - self._jitter() / 4)
        self._next_s = min(2 * self._next_s, LONGEST_S)
        return pause_s
