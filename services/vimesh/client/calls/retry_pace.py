"""Bounds how often a client repeats calls, so that repetitions cannot make an overload last."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

PER_S: Final = 10.0
AT_ONCE: Final = 100
"""More than the calls that most clients have under way when a conductor dies."""


class RetryPace:
    """Repetitions beyond the pace wait for their turn: none is refused for it, however long an outage lasts."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._even_at = clock()
        """When all repetitions until now would have come at the pace."""

    def wait_s(self) -> float:
        """Return how long the next one has to wait."""
        return max(0.0, self._even_at - self._clock() - (AT_ONCE - 1) / PER_S)

    def note_retry(self) -> None:
        self._even_at = max(self._even_at, self._clock()) + 1 / PER_S
