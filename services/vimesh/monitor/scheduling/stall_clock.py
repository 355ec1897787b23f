"""A clock that stands still while the event loop does."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable

Clock = Callable[[], float]

TOLERANCE_S = 0.05
"""A wake-up that is late by less is no stall."""
_MAX_STALLS = 256
"""The newest ones are enough: they are asked for as far back as a probe may have been sent."""


class StallClock:
    """Counts only the time in which the loop could have noticed an answer.

    After a stall, every deadline is as far away as it was before: nobody is judged for time in which nobody listened
    (G12), and rounds that fell into the stall do not start in one burst.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._promised = math.inf
        self._lost = 0.0
        self._stalls: deque[tuple[float, float]] = deque(maxlen=_MAX_STALLS)

    def now(self) -> float:
        now = self._clock()
        late = now - self._promised
        if late > TOLERANCE_S:
            self._lost += late
            self._stalls.append((now, late))
            self._promised = now
        return now - self._lost

    def lost_within(self, seconds: float) -> float:
        """Return for how much of the last seconds, by the clock that never stands still, this one stood still."""
        if not self._stalls:
            return 0.0
        begin = self._clock() - seconds
        return sum(late for ended_at, late in self._stalls if ended_at > begin)

    def promise(self, when: float | None) -> None:
        """Say when this clock will be read again; None: not before something happens."""
        self._promised = math.inf if when is None else when + self._lost
