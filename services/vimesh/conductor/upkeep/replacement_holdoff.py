"""Tracks how long a conductor has been able to receive reports without a break."""

from __future__ import annotations

import datetime as dt

_LONGEST_GAP_S = 5.0


class ReplacementHoldoff:
    """Decides, from repeated readings of the database's clock, whether live actions have had time to report.

    All readings come from one clock. A gap of more than 5 s, or a step back, means that this conductor was stopped, its
    machine slept, the database did not answer, or the clock was set: leases may have expired through no fault of the
    actions.
    """

    def __init__(self) -> None:
        self._since: dt.datetime | None = None
        self._last: dt.datetime | None = None

    def reset(self) -> None:
        """Record that the database did not answer."""
        self._since = self._last = None

    def is_over(self, now: dt.datetime, long_enough_s: float) -> bool:
        """Record a reading of the clock; return whether service has lasted for `long_enough_s` without a break."""
        if self._last is None or not 0 <= (now - self._last).total_seconds() <= _LONGEST_GAP_S:
            self._since = now
        self._last = now
        return self._since is not None and (now - self._since).total_seconds() >= long_enough_s
