"""How fast a process may probe: the bound on rounds per second."""

from __future__ import annotations

import structlog

_log = structlog.get_logger()

ROUNDS_PER_S = 50_000
"""By ping, about half a core. More VIMs than that are for more monitors: see `--shard`."""


class RoundBudget:
    """Stretches all intervals alike when the VIMs of this process ask for more rounds than it may begin.

    A verdict then comes later, but none is left out. Probes that confirm a failure within a round are not held back.
    """

    def __init__(self, rounds_per_s: float = ROUNDS_PER_S) -> None:
        self._most = rounds_per_s
        self._asked = 0.0
        self._told = False
        self.stretch = 1.0
        """How many times as long as in its policy an interval is."""

    def join(self, interval_s: float) -> None:
        """Count in an action with this interval."""
        self._ask(1 / interval_s)

    def leave(self, interval_s: float) -> None:
        """Count it out."""
        self._ask(-1 / interval_s)

    def _ask(self, rounds_per_s: float) -> None:
        self._asked += rounds_per_s
        self.stretch = max(1.0, self._asked / self._most)
        # The edge is wide, so that a few actions that come and go are not told of again and again.
        if self._asked > self._most and not self._told:
            self._told = True
            _log.warning("too many VIMs for one monitor: intervals are longer than asked for", rounds_per_s=self._most)
        elif self._asked < 0.9 * self._most and self._told:
            self._told = False
            _log.info("intervals are as asked for")
