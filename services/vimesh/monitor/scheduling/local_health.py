"""Makes a monitor wait longer while its own loop is late, as Lifeguard does (Dadgar, Phillips, Currey: Lifeguard)."""

from __future__ import annotations

MAX_FACTOR = 8.0
LATE_S = 0.2
"""A wake-up that is late by this much makes the next time limits longer: less is what any busy machine shows."""
_STEP_S = 0.5
"""Each further half a second of one delay counts as another one."""
RECOVERY_S = 5.0
"""How long the loop has to be in time until the factor is one less."""
MOST_ADDED_S = 10.0
"""No time limit grows by more: a round must end before it counts as stuck."""


class LocalHealth:
    """How much longer than asked for a process waits for answers: 1 is healthy, MAX_FACTOR is the worst."""

    def __init__(self) -> None:
        self._excess = 0.0
        """By how much the factor was above 1 at the time of the newest delay."""
        self._late_at = 0.0

    def note_delay(self, now: float, late_s: float) -> None:
        """Note that the loop came `late_s` too late to what was due."""
        if late_s < LATE_S:
            return
        excess = self.factor(now) - 1 + 1 + int(late_s / _STEP_S)
        self._excess, self._late_at = min(excess, MAX_FACTOR - 1), now

    def factor(self, now: float) -> float:
        """Return the factor on time limits, from 1 to MAX_FACTOR."""
        if not self._excess:
            return 1.0
        excess = self._excess - int((now - self._late_at) / RECOVERY_S)
        if excess <= 0:
            self._excess = excess = 0.0
        return 1.0 + excess

    def added_s(self, timeout_s: float, now: float) -> float:
        """Return by how many seconds a time limit is longer."""
        return min((self.factor(now) - 1) * timeout_s, MOST_ADDED_S) if self._excess else 0.0
