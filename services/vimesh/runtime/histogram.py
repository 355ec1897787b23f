"""Counts observations in buckets, without any library of metrics: hot paths and Mistral executors use it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

CALL_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Bounds for what takes from half a millisecond to 10 s, such as a call."""
LONG_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)
"""Bounds for what may take minutes, such as the way of a report while the front is away."""
COUNTS = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 2000.0)
"""Bounds for sizes of batches."""


class Histogram:
    """Observations by bucket. One thread observes; any may read: a read that is under way is late by one at most."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float] = CALL_SECONDS) -> None:
        """`bounds`: the inclusive upper ends of the buckets, ascending; one more bucket holds what is above."""
        self.bounds = tuple(bounds)
        self.counts = [0] * (len(self.bounds) + 1)
        self.total = 0.0
        """The sum of what was observed."""

    def observe(self, value: float, times: int = 1) -> None:
        self.counts[bisect_left(self.bounds, value)] += times
        self.total += value * times
