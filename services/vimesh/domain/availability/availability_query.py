"""Defines what availability can be asked for: which VIMs, which days, by what."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from vimesh.domain.availability.counted_days import DAY, Cause, number_of
from vimesh.domain.errors import BadInput, Violation
from vimesh.domain.filters.vim_filter import Filter
from vimesh.domain.labels.label_syntax import is_key

MAX_DAYS: Final = 800
"""Days that one question may span: two years and some weeks."""
MAX_GROUPS: Final = 4
MAX_ROWS: Final = 20_000
"""Rows of an answer that is not by VIM, on all its pages together."""
DAY_FIELD: Final = "day"
MONTH_FIELD: Final = "month"
VIM_FIELD: Final = "id"
LABEL_PREFIX: Final = "labels."
PLAIN_FIELDS: Final = (VIM_FIELD, "project_id", "type", DAY_FIELD, MONTH_FIELD)


@dataclass(frozen=True, slots=True)
class DayRange:
    """Days from `first` until before `end`, by number since 1970-01-01."""

    first: int
    end: int

    @property
    def start(self) -> int:
        """The first microsecond."""
        return self.first * DAY

    @property
    def stop(self) -> int:
        """The microsecond after the last one."""
        return self.end * DAY


@dataclass(frozen=True, slots=True)
class AvailabilityQuery:
    vim_filter: Filter
    days: DayRange
    by: tuple[str, ...]
    page_size: int
    page_token: str = ""
    projects: frozenset[str] | None = None
    """The projects of the caller; None: all."""


@dataclass(frozen=True, slots=True)
class AvailabilityRow:
    """How long the VIMs of a group had which status."""

    group: tuple[str, ...]
    """The values of what the answer is by, in that order."""
    vim_name: str
    """The name of the VIM, if the answer is by VIM."""
    counts: Mapping[Cause, int]


@dataclass(frozen=True, slots=True)
class AvailabilityPage:
    rows: Sequence[AvailabilityRow]
    next_page_token: str
    time: dt.datetime
    """Until when was counted, by the database's clock."""


def parse_groups(by: Sequence[str]) -> tuple[str, ...]:
    """Check the fields to group by, and return them. Raises BadInput."""
    if len(by) > MAX_GROUPS:
        raise BadInput(Violation("by", f"must have at most {MAX_GROUPS} fields"))
    for position, field in enumerate(by):
        is_label = field.startswith(LABEL_PREFIX) and is_key(field.removeprefix(LABEL_PREFIX))
        if field not in PLAIN_FIELDS and not is_label:
            fields = ", ".join((*PLAIN_FIELDS, f"{LABEL_PREFIX}KEY"))
            raise BadInput(Violation(f"by[{position}]", f"must be one of {fields}"))
        if field in by[:position]:
            raise BadInput(Violation(f"by[{position}]", "is there twice"))
    if DAY_FIELD in by and MONTH_FIELD in by:
        raise BadInput(Violation("by", f"{DAY_FIELD} and {MONTH_FIELD} exclude each other"))
    return tuple(by)


def parse_days(start: dt.datetime, end: dt.datetime | None) -> DayRange:
    """Return the days between two midnights of UTC. `end` None: until now. Raises BadInput."""
    first = _midnight("start_time", start)
    # Nothing is counted of the future, so any day in it will do.
    end_day = first + MAX_DAYS if end is None else _midnight("end_time", end)
    if not first < end_day:
        raise BadInput(Violation("end_time", "must be after start_time"))
    if end_day - first > MAX_DAYS:
        raise BadInput(Violation("end_time", f"must be at most {MAX_DAYS} days after start_time"))
    return DayRange(first, end_day)


def _midnight(field: str, time: dt.datetime) -> int:
    if time.astimezone(dt.UTC).timetz() != dt.time(tzinfo=dt.UTC):
        raise BadInput(Violation(field, "must be a midnight of UTC: availability is counted by days"))
    return number_of(time.astimezone(dt.UTC).date())
