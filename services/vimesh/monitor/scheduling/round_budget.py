"""Limits how many rounds of probes a process starts per second."""

from __future__ import annotations

import structlog

_log = structlog.get_logger()

ROUNDS_PER_S = 50_000
"""With pings, this takes about half a core. For more VIMs, run more monitors, which share them."""


class RoundBudget:
    """Stretches all intervals by one factor when the VIMs of this process need more rounds than it may start.

    Verdicts are then later, but none is left out. Probes that confirm a failure within a round are not held back.
    """

    def __init__(self, rounds_per_s: float = ROUNDS_PER_S) -> None:
        self._max_rounds_per_s = rounds_per_s
        self._demand_per_s = 0.0
        self._is_logged = False
        self.stretch = 1.0
        """Factor on the interval of every policy."""

    def join(self, interval_s: float) -> None:
        """Add a target with this interval."""
        self._change_demand(1 / interval_s)

    def leave(self, interval_s: float) -> None:
        """Remove a target with this interval."""
        self._change_demand(-1 / interval_s)

    def _change_demand(self, rounds_per_s: float) -> None:
        self._demand_per_s += rounds_per_s
        self.stretch = max(1.0, self._demand_per_s / self._max_rounds_per_s)
        # Hysteresis: a few targets that come and go must not be logged again and again.
        if self._demand_per_s > self._max_rounds_per_s and not self._is_logged:
            self._is_logged = True
            _log.warning(
                "too many VIMs for one monitor: intervals are longer than requested, run more monitors",
                rounds_per_s=self._max_rounds_per_s,
            )
        elif self._demand_per_s < 0.9 * self._max_rounds_per_s and self._is_logged:
            self._is_logged = False
            _log.info("intervals are as requested again")
