"""Computes the pauses between attempts that fail: longer each time, and different in each process."""

from __future__ import annotations

from random import Random


class Backoff:
    """Full pauses double from `first_s` to `longest_s`; each actual pause is a random part of the full one."""

    def __init__(self, *, first_s: float, longest_s: float, random: Random, least_part: float = 0.5) -> None:
        """`least_part`: the smallest part of a full pause; 0 separates callers best that conflict with each other."""
        self._first_s = first_s
        self._longest_s = longest_s
        self._random = random
        self._least_part = least_part
        self._full_s = first_s

    def pause_s(self) -> float:
        """Return how long to wait after one more failure."""
        full_s = self._full_s
        self._full_s = min(self._longest_s, 2 * full_s)
        return full_s * self._random.uniform(self._least_part, 1.0)

    def reset(self) -> None:
        """Note a success."""
        self._full_s = self._first_s
