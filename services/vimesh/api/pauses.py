"""Pauses between calls: never the same for two processes."""

from __future__ import annotations

from random import Random


class Pauses:
    """After failures they double from `first_s` to `longest_s`; each is between half of that and all of it."""

    def __init__(self, *, first_s: float, longest_s: float, idle_s: float, random: Random) -> None:
        self._first_s = first_s
        self._longest_s = longest_s
        self._idle_s = idle_s
        self._random = random
        self._full_s = first_s

    def after_failure(self) -> float:
        full_s = self._full_s
        self._full_s = min(self._longest_s, 2 * full_s)
        return full_s * self._random.uniform(0.5, 1.0)

    def idle(self) -> float:
        """Return how long to wait after a call that found nothing to do."""
        self._full_s = self._first_s
        return self._idle_s * self._random.uniform(0.5, 1.5)

    def reset(self) -> None:
        """Note a success."""
        self._full_s = self._first_s
