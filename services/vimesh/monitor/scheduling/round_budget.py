"""Limits how many rounds of probes a process starts per second."""

from __future__ import annotations

import structlog

_log = structlog.get_logger()

ROUNDS_PER_S = 50_000
"""With pings, this takes about half a core. For more VIMs, run more monitors: see `--shard`."""


class RoundBudget:
    """Stretches all intervals by one factor when the VIMs of this process need more rounds than it may start.

    Verdicts are then later, but none is left out. Probes that confirm a failure within a round are not held back.
    """

    def __init__(self, rounds_per_s: float = ROUNDS_PER_S) -> None:
        self._most = rounds_per_s
        self._asked = 0.0
        self._told = False
        self.stretch = 1.0
        """Factor on the interval of every policy."""

    def join(self, interval_s: float) -> None:
        """Add a target with this interval."""
        self._ask(1 / interval_s)

    def leave(self, interval_s: float) -> None:
        """Remove a target with this interval."""
        self._ask(-1 / interval_s)

    def _ask(self, rounds_per_s: float) -> None:
        self._asked += rounds_per_s
        self.stretch = max(1.0, self._asked / self._most)
        # Hysteresis: a few targets that come and go must not be logged again and again.
        if self._asked > self._most and not self._told:
            self._told = True
            _log.warning("too many VIMs for one monitor: intervals are longer than asked for", rounds_per_s=self._most)
        elif self._asked < 0.9 * self._most and self._told:
            self._told = False
            _log.info("intervals are as asked for")
