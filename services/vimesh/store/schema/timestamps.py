"""Converts between datetimes, durations and microseconds."""

from __future__ import annotations

import datetime as dt

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_LONGEST_AGE_S = 10 * 365 * 86400.0
_MICROSECOND = dt.timedelta(microseconds=1)
MICROS = 1_000_000


def moment(micros: int) -> dt.datetime:
    return _EPOCH + dt.timedelta(microseconds=micros)


def micros_of(time: dt.datetime) -> int:
    return (time - _EPOCH) // _MICROSECOND


def micros(duration_s: float) -> int:
    return round(duration_s * MICROS)


def micros_of_age(age_s: float) -> int:
    """Convert an age to microseconds, limited to ten years, so that the time it refers to is always a valid date."""
    return int(min(max(age_s, 0.0), _LONGEST_AGE_S) * MICROS)
