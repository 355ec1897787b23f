"""Keeps the garbage collector fast in a process with very many actions."""

from __future__ import annotations

import gc

ACTIONS_PER_STEP = 2000
_YOUNG = 1


class GarbageFreeze:
    """Exempts long-lived objects from garbage collection.

    100,000 actions are about a million objects. A full collection walks over all of them and stalls the loop for some
    0.3 s. Nothing is lost by exempting them: an action that ends is freed without the collector.
    """

    def __init__(self) -> None:
        self._steps = 0

    def count_action(self) -> None:
        """Call this for each action that starts."""
        self._steps += 1
        if self._steps % ACTIONS_PER_STEP == 0:
            gc.collect(_YOUNG)  # first, because frozen garbage would never be collected
            gc.freeze()
