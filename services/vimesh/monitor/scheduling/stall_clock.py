"""Provides a clock that stands still while the event loop does."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable

from vimesh.monitor.scheduling.local_health import LocalHealth

Clock = Callable[[], float]

TOLERANCE_S = 0.05
"""A wake-up that is late by less than this is not a stall."""
_MAX_STALLS = 256
"""The newest ones suffice: `lost_within` looks back only as far as the sending of a probe."""


class StallClock:
    """Counts only the time in which the loop could have noticed an answer.

    After a stall, every deadline is as far away as before: no VIM is judged for time in which the loop did not listen
    (G12), and rounds that fell into the stall do not start in one burst.
    """

    def __init__(self, clock: Clock, health: LocalHealth | None = None) -> None:
        """`health`: is told how late the loop was."""
        self._clock = clock
        self._health = health or LocalHealth()
        self._expected_at = math.inf
        self._lost_s = 0.0
        self._stalls: deque[tuple[float, float]] = deque(maxlen=_MAX_STALLS)

    def now(self) -> float:
        now = self._clock()
        late = now - self._expected_at
        if late > TOLERANCE_S:
            self._lost_s += late
            self._stalls.append((now, late))
            self._expected_at = now
            self._health.note_delay(now - self._lost_s, late)
        return now - self._lost_s

    def peek(self) -> float:
        """Return the time without noticing a stall: other threads may call this."""
        return self._clock() - self._lost_s

    def lost_within(self, seconds: float) -> float:
        """Return how long this clock stood still within the last `seconds` of the underlying clock."""
        begin = self._clock() - seconds
        lost_s = 0.0
        # The newest first: nearly always, even that one is too old, and this runs for each answer.
        for ended_at, late in reversed(self._stalls):
            if ended_at <= begin:
                break
            lost_s += late
        return lost_s

    def expect_reading(self, when: float | None) -> None:
        """Announce when this clock will be read again; None: not before something happens."""
        self._expected_at = math.inf if when is None else when + self._lost_s
