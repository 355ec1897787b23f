"""Says whether a VIM flaps: whether it was lost and found too often of late. This never changes its status.

After Naemon, which weighs how many of the last 21 checks brought another state, newer ones more, and has one threshold
to begin and a lower one to end. We know no checks but only changes, so a minute stands for a check.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

MINUTES: Final = 20
"""So many minutes are weighed, as 21 checks have 20 changes between them."""
WINDOW_S: Final = MINUTES * 60.0
LOOKBACK_S: Final = 3 * WINDOW_S
"""How far back changes are looked at, to know whether a VIM flapped before."""
BEGINS_AT: Final = 0.3
ENDS_BELOW: Final = 0.2
_LIGHTEST, _HEAVIEST = 0.8, 1.2
"""The weights of the oldest and of the newest minute: Naemon's, as are the thresholds. Their mean is 1."""


FEWEST_CHANGES: Final = 4
"""With fewer in the window, even newest ones, no VIM flaps."""


def is_flapping(changes: Iterable[float], now: float) -> bool:
    """Return whether a VIM flaps `now`, given the times in seconds since 1970 at which it was lost or found."""
    # A VIM may have changed thousands of times, but only in so many minutes.
    minutes = sorted({_minute_of(at) for at in changes})
    flaps = False
    for count, minute in enumerate(minutes):
        flaps = flaps and _share_of_minutes(minutes[:count], minute) >= ENDS_BELOW
        flaps = flaps or _share_of_minutes(minutes[: count + 1], minute) >= BEGINS_AT
    return flaps and _share_of_minutes(minutes, _minute_of(now)) >= ENDS_BELOW


def share_of_changes(changes: Iterable[float], now: float) -> float:
    """Return the weighted share of the last minutes in which something changed, from 0 to 1."""
    return _share_of_minutes({_minute_of(at) for at in changes}, _minute_of(now))


def _minute_of(time: float) -> int:
    return int(time // 60)


def _share_of_minutes(minutes: Iterable[int], now: int) -> float:
    step = (_HEAVIEST - _LIGHTEST) / (MINUTES - 1)
    return sum(_HEAVIEST - step * (now - minute) for minute in minutes if 0 <= now - minute < MINUTES) / MINUTES
