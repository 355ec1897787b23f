"""Says times, lengths and numbers in the words of sentences for people."""

from __future__ import annotations

import datetime as dt
from typing import Final

_MINUTE_S: Final = 60
_HOUR_S: Final = 3600
_DAY_S: Final = 86400


def moment_phrase(time: dt.datetime, as_of: dt.datetime) -> str:
    """Return a time, with the day if that is another one than now: `12:03:11 UTC`."""
    utc, now = time.astimezone(dt.UTC), as_of.astimezone(dt.UTC)
    clock = f"{utc:%H:%M:%S} UTC"
    return clock if utc.date() == now.date() else f"{utc:%Y-%m-%d} {clock}"


def length_phrase(length: dt.timedelta) -> str:
    """Return a length of time, rounded down to what people compare: `12 min`."""
    total_s = max(length.total_seconds(), 0.0)
    if total_s < 2 * _MINUTE_S:
        return exact_phrase(dt.timedelta(seconds=int(total_s))) if total_s >= 1 else "less than 1 s"
    if total_s < 2 * _HOUR_S:
        return f"{int(total_s // _MINUTE_S)} min"
    if total_s < 2 * _DAY_S:
        return f"{int(total_s // _HOUR_S)} h"
    return f"{int(total_s // _DAY_S)} days"


def exact_phrase(length: dt.timedelta) -> str:
    """Return a length of time as it was set: `0.5 s`."""
    return f"{length.total_seconds():g} s"


def trip_phrase(length: dt.timedelta) -> str:
    """Return a round trip: `1.2 ms`."""
    return f"{length.total_seconds() * 1000:.3g} ms"


def count_phrase(count: int, noun: str, plural: str = "") -> str:
    """Return a number of things: `1 probe`, `3 probes`."""
    return f"{count} {noun if count == 1 else plural or noun + 's'}"
