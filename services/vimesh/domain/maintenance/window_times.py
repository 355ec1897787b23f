"""Computes when a maintenance window is open: pure functions of its times, its rule and its time zone."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final
from zoneinfo import ZoneInfo

from vimesh.domain.maintenance.recurrence_rules import RecurrenceRule, parse_rule
from vimesh.domain.maintenance.time_zones import UTC_NAME, read_zone

MAX_DURATION: Final = dt.timedelta(days=366)
MAX_RECURRING: Final = dt.timedelta(days=31)
MIN_DURATION: Final = dt.timedelta(seconds=1)
MAX_AHEAD: Final = dt.timedelta(days=5 * 366)
"""How far ahead the first start may be."""
_LARGEST_OFFSET = dt.timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One span of time for which a window is open: from its start, until just before its end."""

    start: dt.datetime
    end: dt.datetime

    def holds_at(self, time: dt.datetime) -> bool:
        return self.start <= time < self.end


@dataclass(frozen=True)
class WindowTimes:
    """When a window is open. Each occurrence lasts as long, whatever clocks do meanwhile."""

    start: dt.datetime
    """The start of the first occurrence, or the earliest one that the rule may choose."""
    duration: dt.timedelta
    rule: str = ""
    """An RRULE; empty: the window opens once."""
    time_zone: str = UTC_NAME
    """Whose clocks the rule follows: it starts at the same time of day, in summer and in winter."""

    @cached_property
    def _recurrence(self) -> RecurrenceRule:
        return parse_rule(self.rule)

    def check(self) -> None:
        """Raise RuleInvalid or TimeZoneUnknown unless the occurrences can be computed, at a small cost."""
        zone = read_zone(self.time_zone)
        if self.rule:
            self._recurrence.require_days(_shown(self.start, zone))

    def from_time(self, time: dt.datetime) -> Iterator[Occurrence]:
        """Yield the occurrences that start at this time or later, in order."""
        for start in self._starts(time):
            yield Occurrence(start, start + self.duration)

    def open_or_later(self, time: dt.datetime) -> Iterator[Occurrence]:
        """Yield the occurrences that end after this time, in order."""
        return (occurrence for occurrence in self.from_time(time - self.duration) if occurrence.end > time)

    def at(self, time: dt.datetime) -> Occurrence | None:
        """Return the occurrence at this time: of several, the last to start."""
        found = None
        for occurrence in self.open_or_later(time):
            if occurrence.start > time:
                break
            found = occurrence
        return found

    def next_from(self, time: dt.datetime) -> Occurrence | None:
        """Return the first occurrence that starts at this time or later."""
        return next(self.from_time(time), None)

    def _starts(self, time: dt.datetime) -> Iterator[dt.datetime]:
        if not self.rule:
            yield from [self.start] if self.start >= time else []
            return
        zone = read_zone(self.time_zone)
        rule, first = self._recurrence, _shown(self.start, zone)
        until = rule.until
        if until is not None and rule.until_is_utc:
            until = _shown(until.replace(tzinfo=dt.UTC), zone)
        previous = None
        # Clocks may go back, so the search begins a little earlier than the clock shows.
        for shown in rule.starts(first, until).xafter(_shown(time, zone) - _LARGEST_OFFSET, inc=True):
            # dateutil drops what is less than a second.
            start = _real(shown.replace(microsecond=first.microsecond), zone)
            # A day that a zone skips has the same start as the day after it.
            if start >= max(time, self.start) and start != previous:
                yield start
            previous = start


def _shown(time: dt.datetime, zone: ZoneInfo) -> dt.datetime:
    """Return what the clocks of a zone show."""
    return time.astimezone(zone).replace(tzinfo=None, fold=0)


def _real(shown: dt.datetime, zone: ZoneInfo) -> dt.datetime:
    """Return when the clocks of a zone show this.

    As RFC 5545 has it: a time that is shown twice is the first of both; for one that is never shown, because clocks go
    forward, the offset before that counts: half past two that is skipped is half past three.
    """
    return shown.replace(tzinfo=zone, fold=0).astimezone(dt.UTC)
