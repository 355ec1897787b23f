"""The memory of a process with very many actions."""

from __future__ import annotations

import gc

ACTIONS_PER_STEP = 2000
_YOUNG = 1


class GarbageFreeze:
    """Spares the garbage collector what lives long.

    100,000 actions are about a million objects. A full collection walks over all of them, and the loop stands still for
    some 0.3 s. Nothing is lost by leaving them out: an action that ends is freed without the collector.
    """

    def __init__(self) -> None:
        self._steps = 0

    def grown(self) -> None:
        """To be called with each action that starts."""
        self._steps += 1
        if self._steps % ACTIONS_PER_STEP == 0:
            gc.collect(_YOUNG)  # what is garbage now would be left out as well, for ever
            gc.freeze()
