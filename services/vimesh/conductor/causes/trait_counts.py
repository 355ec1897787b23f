"""Remembers how many VIMs have something in common, because to count them means to read all of them."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Final

from vimesh.domain.causes.traits import OF_PROBER, Trait

_KEPT_S: Final = 60.0
"""For how long a number is taken as it was."""
_SURELY_MORE: Final = 2.0
"""A count so many times too large to be a cause is not taken again so soon."""
_LARGE_KEPT_S: Final = 600.0
_MAX_COUNTS: Final = 50_000


class TraitCounts:
    """There may be five for each change, so call it in a thread, and in one at a time."""

    def __init__(self) -> None:
        self._counts: dict[Trait, tuple[int, float]] = {}
        """How many VIMs have a trait, and when they were counted."""

    def forget_places(self) -> None:
        """Forget how many VIMs monitors and vantages have: others have them now."""
        self._counts = {trait: count for trait, count in self._counts.items() if trait.kind not in OF_PROBER}

    def of(self, suspects: Mapping[Trait, int]) -> dict[Trait, int] | None:
        """Return how many VIMs have each trait, given how many that are lost do; None if they are to be counted."""
        now = time.monotonic()
        populations = {}
        for trait, affected in suspects.items():
            count, counted_at = self._counts.get(trait, (0, 0.0))
            if not count or now - counted_at > (_KEPT_S if count < _SURELY_MORE * affected else _LARGE_KEPT_S):
                return None
            populations[trait] = count
        return populations

    def keep(self, populations: Mapping[Trait, int]) -> None:
        """Remember numbers that were just counted."""
        if len(self._counts) > _MAX_COUNTS:
            self._counts.clear()
        now = time.monotonic()
        self._counts.update({trait: (count, now) for trait, count in populations.items()})
