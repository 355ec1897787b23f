"""Counts spans by days. Days are those of UTC: each has 86,400 s, and no time zone changes what was counted."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from vimesh.domain.availability.timeline import StatusSpan

DAY: Final = 86_400_000_000
"""Microseconds of a day."""
_EPOCH: Final = dt.date(1970, 1, 1)
MAX_CAUSES: Final = 16
"""Statuses with reasons that a day of a VIM is split by: actions of others may report a new reason each time."""
OTHER_REASON: Final = "OTHER"
"""The reason of what is counted beyond that."""


class Cause(NamedTuple):
    """A status, or MAINTENANCE, and its reason."""

    status: str
    reason: str


class Stretch(NamedTuple):
    """A number of days in a row, in one month, that are counted alike. Days are numbered from 1970-01-01."""

    day: int
    days: int


Counts = dict[Cause, int]
"""Microseconds by cause."""


def day_of(micros: int) -> int:
    return micros // DAY


def date_of(day: int) -> dt.date:
    return _EPOCH + dt.timedelta(days=day)


def number_of(date: dt.date) -> int:
    return (date - _EPOCH).days


def first_of_month(day: int) -> int:
    """Return the first day of the month of a day."""
    return number_of(date_of(day).replace(day=1))


def next_month(day: int) -> int:
    """Return the first day of the month after that of a day."""
    return first_of_month(first_of_month(day) + 31)


def count_by_days(spans: Iterable[StatusSpan]) -> dict[Stretch, Counts]:
    """Return the microseconds of spans by days. Days in a row that one span fills are one stretch in each month.

    A VIM that nothing happens to has twelve stretches in a year, instead of 365 days.
    """
    counted: dict[Stretch, Counts] = {}
    for span in spans:
        for stretch, micros in _stretches(span.start, span.stop):
            add(counted.setdefault(stretch, {}), Cause(span.status, span.reason), micros)
    return counted


def count_by_months(days: Mapping[Stretch, Counts]) -> dict[Stretch, Counts]:
    """Return what was counted by days by whole months."""
    counted: dict[Stretch, Counts] = {}
    for stretch, counts in days.items():
        first = first_of_month(stretch.day)
        month = counted.setdefault(Stretch(first, next_month(first) - first), {})
        for cause, micros in counts.items():
            add(month, cause, micros)
    return counted


def add(counts: Counts, cause: Cause, micros: int) -> None:
    """Add time to that of a cause, or to that of other reasons if there are too many."""
    if cause not in counts and len(counts) >= MAX_CAUSES:
        cause = Cause(cause.status, OTHER_REASON)
    counts[cause] = counts.get(cause, 0) + micros


def _stretches(start: int, stop: int) -> Iterator[tuple[Stretch, int]]:
    """Yield the parts of a span: what is left of its first day, whole days by month, the begin of its last day."""
    while start < stop:
        day = day_of(start)
        end = (day + 1) * DAY
        if start % DAY or stop < end:
            yield Stretch(day, 1), min(end, stop) - start
        else:
            whole = min(next_month(day), day_of(stop)) - day
            end = (day + whole) * DAY
            yield Stretch(day, whole), end - start
        start = min(end, stop)
