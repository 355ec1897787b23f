"""Defines maintenance windows: for which VIMs work is planned, and when."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Final

from vimesh.domain.errors import BadInput, FilterInvalid, Violation
from vimesh.domain.filters.filter_fields import SETTABLE_FIELDS, is_settable
from vimesh.domain.filters.parse_filter import parse_filter
from vimesh.domain.filters.vim_filter import Filter
from vimesh.domain.maintenance.recurrence_rules import RuleInvalid
from vimesh.domain.maintenance.time_zones import UTC_NAME, TimeZoneUnknown
from vimesh.domain.maintenance.window_times import (
    MAX_AHEAD,
    MAX_DURATION,
    MAX_RECURRING,
    MIN_DURATION,
    Occurrence,
    WindowTimes,
)
from vimesh.domain.vims import Vim

MAX_OPEN_OF_PROJECT: Final = 100
"""Most windows of one project, or of all projects together, that are not over: each is compared with each change."""
MAX_OPEN: Final = 1000


class WindowState(StrEnum):
    SCHEDULED = "SCHEDULED"
    """It will be open."""
    ACTIVE = "ACTIVE"
    ENDED = "ENDED"


@dataclass(frozen=True)
class Coverage:
    """Which VIMs a window covers, at any time while it is open."""

    project_id: str
    """Empty: VIMs of all projects."""
    filter_text: str = ""
    vim_ids: Sequence[str] = ()
    """If there are any, the window covers these, and `filter_text` is empty."""

    @cached_property
    def filter(self) -> Filter:
        return parse_filter(self.filter_text)

    @cached_property
    def _ids(self) -> frozenset[str]:
        return frozenset(self.vim_ids)

    def includes(self, vim: Vim) -> bool:
        """Return whether the window covers a VIM. Only what people change about it counts."""
        if self.project_id not in ("", vim.project_id):
            return False
        return vim.id in self._ids if self.vim_ids else self.filter.matches(vim)

    def check(self) -> None:
        """Raise BadInput or FilterInvalid unless it says which VIMs, by what does not change by itself."""
        if bool(self.vim_ids) is bool(self.filter_text.strip()):
            raise BadInput(Violation("window.filter", 'give either a filter, such as name = "*", or vim_ids'))
        for field in sorted(self.filter.fields):
            if not is_settable(field):
                raise FilterInvalid(
                    f"{field} cannot say what is maintained; use {', '.join(SETTABLE_FIELDS)} or labels"
                )


@dataclass(frozen=True, slots=True)
class NewWindow:
    """What people plan. It starts when it is stored, unless `start` is given."""

    coverage: Coverage
    reason: str
    start: dt.datetime | None = None
    end: dt.datetime | None = None
    """The end of the first occurrence. Either this or `duration` is given."""
    duration: dt.timedelta | None = None
    rule: str = ""
    time_zone: str = UTC_NAME
    request_id: str = ""
    """A repeat with the same id is answered with the window that the first request created."""

    def times(self, now: dt.datetime) -> WindowTimes:
        """Return when it is open, if it is stored at this time. Raises BadInput."""
        start = self.start or now
        if start < now:
            raise _bad("start_time", "has passed; leave it empty to start at once")
        if start - now > MAX_AHEAD:
            raise _bad("start_time", f"must not be more than {MAX_AHEAD.days} days ahead")
        duration = self.duration
        if self.end is not None and duration is None:
            duration = self.end - start
        elif self.end is not None or duration is None:
            raise _bad("end_time", "give either end_time or duration")
        longest = MAX_RECURRING if self.rule else MAX_DURATION
        if not MIN_DURATION <= duration <= longest:
            raise _bad("duration", f"must be between 1 s and {longest.days} days")
        times = WindowTimes(start, duration, self.rule, self.time_zone)
        try:
            times.check()
        except RuleInvalid as error:
            raise _bad("rrule", str(error)) from error
        except TimeZoneUnknown as error:
            raise _bad("time_zone", str(error)) from error
        if times.next_from(start) is None:
            raise _bad("rrule", "ends before the window is open for the first time")
        return times


@dataclass(frozen=True, slots=True)
class MaintenanceWindow:
    id: str
    coverage: Coverage
    times: WindowTimes
    reason: str
    creator: str
    """The identity that created it, if it was proved."""
    create_time: dt.datetime
    ended_time: dt.datetime | None
    """When people ended it early."""
    state: WindowState
    occurrence: Occurrence | None
    """The span of time for which it is open; while it is not, the next one."""


@dataclass(frozen=True, slots=True)
class CreatedWindow:
    window: MaintenanceWindow
    """Without an id, if nothing was stored."""
    vim_count: int
    """How many VIMs it would cover now, if it were open."""


def state_at(
    times: WindowTimes, ended_time: dt.datetime | None, now: dt.datetime
) -> tuple[WindowState, Occurrence | None]:
    """Return the state of a window, and the span of time that is open or comes next."""
    if ended_time is not None:
        return WindowState.ENDED, None
    if (current := times.at(now)) is not None:
        return WindowState.ACTIVE, current
    coming = times.next_from(now)
    return (WindowState.ENDED if coming is None else WindowState.SCHEDULED), coming


def _bad(field: str, description: str) -> BadInput:
    return BadInput(Violation(f"window.{field}", description))
