"""How a conductor is, in a form that threads beside its loop can read."""

from __future__ import annotations

import time
from collections.abc import Callable

HELD_S = 5.0
"""A loop that has not turned for this long serves nobody. What one call may hold it for is far less."""


class Vitals:
    """Written by the loop, read by any thread: each attribute is a single value, and so needs no lock."""

    def __init__(self, *, held_s: float = HELD_S, clock: Callable[[], float] = time.monotonic) -> None:
        """Take a loop that has not turned for `held_s` for one that does not serve."""
        self._held_s = held_s
        self._clock = clock
        self._turned_at = clock()
        self.database_works = False
        """Whether it can be read and written."""
        self.draining = False

    def beat(self) -> None:
        """Note that the loop turns."""
        self._turned_at = self._clock()

    @property
    def serving(self) -> bool:
        """Whether the balancer is to send calls."""
        return self.database_works and not self.draining and self._clock() - self._turned_at < self._held_s
