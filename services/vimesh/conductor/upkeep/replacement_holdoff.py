"""For how long a conductor has been there to hear contacts, without a break."""

from __future__ import annotations

import datetime as dt

_LONGEST_GAP_S = 5.0


class ReplacementHoldoff:
    """Told the database's clock again and again, it says whether living actions have had the time to come.

    Every reading is of one clock. A gap between two of them means that this conductor was stopped, its machine slept,
    the database did not answer, or the clock was set: leases may have ended through no fault of the actions.
    """

    def __init__(self) -> None:
        self._since: dt.datetime | None = None
        self._last: dt.datetime | None = None

    def lost(self) -> None:
        """Say that the database did not answer."""
        self._since = self._last = None

    def held(self, now: dt.datetime, long_enough_s: float) -> bool:
        """Say whether the vigil has lasted long enough, given that it lasts at `now`."""
        if self._last is None or not 0 <= (now - self._last).total_seconds() <= _LONGEST_GAP_S:
            self._since = now
        self._last = now
        return self._since is not None and (now - self._since).total_seconds() >= long_enough_s
