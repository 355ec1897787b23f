"""Keeps the moments at which the network is known to have worked, or to have been in doubt."""

from __future__ import annotations

from bisect import bisect_left, insort

_MAX_KEPT = 512
"""At one a second, they cover the longest rounds several times."""


class QuestionTimes:
    """When questions were sent that had the same fate."""

    def __init__(self) -> None:
        self._sorted: list[float] = []

    def add(self, asked_at: float) -> bool:
        """Add the time of a question; False: it is there already. They may come in any order."""
        place = bisect_left(self._sorted, asked_at)
        if place < len(self._sorted) and self._sorted[place] == asked_at:
            return False
        insort(self._sorted, asked_at)
        return True

    def trim(self) -> list[float]:
        """Drop the oldest ones if there are too many; return them."""
        if len(self._sorted) <= _MAX_KEPT:
            return []
        dropped = self._sorted[: _MAX_KEPT // 4]
        del self._sorted[: len(dropped)]
        return dropped

    def discard(self, asked_at: float) -> None:
        """Remove a time, if it is there."""
        place = bisect_left(self._sorted, asked_at)
        if place < len(self._sorted) and self._sorted[place] == asked_at:
            del self._sorted[place]

    def around(self, at: float) -> tuple[float | None, float | None]:
        """Return the newest time before `at`, and the oldest one from `at` on."""
        place = bisect_left(self._sorted, at)
        before = self._sorted[place - 1] if place else None
        return before, self._sorted[place] if place < len(self._sorted) else None
