"""Says whether a VIM flaps: whether it was lost and found too often of late. This never changes its status.

After Naemon, which weighs how many of the last 21 checks brought another state, newer ones more, and has one threshold
to begin and a lower one to end. We know no checks but only changes, so a minute stands for a check.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
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


def is_flapping(changes: Sequence[float], now: float) -> bool:
    """Return whether a VIM flaps `now`, given the times in seconds at which it was lost or found, in order."""
    flaps = False
    for count, at in enumerate(changes):
        flaps = flaps and share_of_changes(changes[:count], at) >= ENDS_BELOW
        flaps = flaps or share_of_changes(changes[: count + 1], at) >= BEGINS_AT
    return flaps and share_of_changes(changes, now) >= ENDS_BELOW


def share_of_changes(changes: Sequence[float], now: float) -> float:
    """Return the weighted share of the last minutes in which something changed, from 0 to 1."""
    recent = changes[bisect_right(changes, now - WINDOW_S) :]
    ages = {min(int((now - at) // 60), MINUTES - 1) for at in recent}
    step = (_HEAVIEST - _LIGHTEST) / (MINUTES - 1)
    return sum(_HEAVIEST - step * age for age in ages) / MINUTES
