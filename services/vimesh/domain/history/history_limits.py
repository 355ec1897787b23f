"""Says how much history is kept, and how often it is delivered."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from vimesh.domain.errors import BadSetting
from vimesh.domain.history.round_digests import MINUTE_S

_HOUR_S: Final = 3600
_DAY_S: Final = 86400


@dataclass(frozen=True, slots=True)
class HistoryLevel:
    """Digests of one span, in rows of one length. Old rows are merged into one of the next level, or dropped."""

    step_s: int
    """Length of the span of a digest."""
    row_s: int
    """Length of the time that a row has the digests of; the rows of the level before become one of this."""
    kept_s: int
    """A row stays until the time of which the next level makes one row has been over for this long."""


LEVELS: Final = (
    HistoryLevel(MINUTE_S, _HOUR_S, 6 * _HOUR_S),
    HistoryLevel(10 * MINUTE_S, 6 * _HOUR_S, 3 * _DAY_S),
    HistoryLevel(_HOUR_S, 3 * _DAY_S, 30 * _DAY_S),
)
"""So digests of minutes are kept for 6 to 12 hours, of 10 minutes for 3 to 6 days, of hours for 30 to 33 days."""
ROW_BYTES: Final = 64
"""About what a row takes besides its digests."""
MAX_AGE_S: Final = _HOUR_S
"""Older digests are not recorded: a monitor cannot deliver for so long only if no conductor can be reached."""

_DELIVERIES_PER_S: Final = 60
"""Digests of this many VIMs are delivered a second, if that is not more often than each minute."""
_LONGEST_MINUTES: Final = 30


@dataclass(frozen=True, slots=True)
class HistoryLimits:
    size_bytes: int = 1024**3
    """Approximate number of bytes that all history may take in the database; the oldest goes first."""

    def __post_init__(self) -> None:
        if self.size_bytes < 0:
            raise BadSetting("history_size", "must not be below 0")


def deliver_within_s(vims: int) -> float:
    """Return how often digests are delivered in a fleet of this many VIMs: a row is written each time."""
    minutes = math.ceil(vims / (_DELIVERIES_PER_S * MINUTE_S))
    return float(min(max(1, minutes), _LONGEST_MINUTES) * MINUTE_S)
