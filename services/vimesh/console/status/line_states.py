"""Decides what a status page says: of each line, of its days, and of the page as a whole. Pure functions."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from vimesh.console.status.fleet_answers import DAYS, DayDurations, LineCounts, PageDays

_MICROS_PER_MINUTE: Final = 60_000_000


class LineState(StrEnum):
    """What a line says, the most alarming first."""

    UNREACHABLE = "unreachable"
    """None of its VIMs that are not in maintenance can be reached."""
    DEGRADED = "degraded"
    """Some of them cannot be reached."""
    UNKNOWN = "unknown"
    """Of some it is not known, or the fleet cannot be asked."""
    PENDING = "pending"
    """Some have not been probed yet."""
    MAINTENANCE = "maintenance"
    """All its VIMs are in maintenance."""
    REACHABLE = "reachable"


class DayState(StrEnum):
    GOOD = "good"
    """Reachable whenever it was asked."""
    PARTLY = "partly"
    """Not reachable for less than an hour of a day, all VIMs together."""
    BAD = "bad"
    UNKNOWN = "unknown"
    """It was not known for some time, and never unreachable."""
    MAINTENANCE = "maintenance"
    """In maintenance for some time, and otherwise reachable."""
    NONE = "none"
    """Nothing is known of the day."""


_BAD_FROM_MICROS: Final = 60 * _MICROS_PER_MINUTE


@dataclass(frozen=True, slots=True)
class DayView:
    day: dt.date
    state: DayState
    text: str
    """What is said of it, without the date."""


@dataclass(frozen=True, slots=True)
class LineView:
    value: str
    """The value of the label, as in paths."""
    name: str
    """As it is shown."""
    state: LineState
    remark: str
    """How many of its VIMs it is about; empty if it is about all."""
    availability: str
    """Over all days, such as `99.981 %`; empty if nothing is known."""
    days: Sequence[DayView]
    """The oldest first; empty if they could not be read."""


def state_of(counts: LineCounts) -> LineState:
    working = counts.total - counts.maintenance
    if counts.unreachable:
        return LineState.UNREACHABLE if counts.unreachable == working else LineState.DEGRADED
    if counts.unknown:
        return LineState.UNKNOWN
    if counts.pending:
        return LineState.PENDING
    return LineState.REACHABLE if working else LineState.MAINTENANCE


def remark_of(counts: LineCounts) -> str:
    """Say how many of several VIMs a state is about."""
    if counts.total < 2:
        return ""
    parts = (
        (counts.unreachable, "unreachable"),
        (counts.unknown, "unknown"),
        (counts.pending, "pending"),
        (counts.maintenance, "in maintenance"),
    )
    return ", ".join(f"{count} of {counts.total} {word}" for count, word in parts if count)


def worst_of(states: Sequence[LineState]) -> LineState:
    """Return the most alarming state; UNKNOWN if there is none."""
    order = list(LineState)
    return min(states, key=order.index, default=LineState.UNKNOWN)


def days_of(days: PageDays, value: str) -> list[DayView]:
    """Return the days of a line, the oldest first."""
    known = days.lines.get(value, {})
    dates = (days.last - dt.timedelta(days=back) for back in range(DAYS - 1, -1, -1))
    return [_day_of(date, known.get(date)) for date in dates]


def availability_of(durations: Mapping[dt.date, DayDurations]) -> str:
    """Return the share of the time in which was known whether VIMs could be reached, without maintenance.

    Rounded down, as `vimesh availability` does: 100 % is said only of what was never unreachable.
    """
    reachable = sum(each.reachable for each in durations.values())
    unreachable = sum(each.unreachable for each in durations.values())
    if not reachable + unreachable:
        return ""
    thousandths = reachable * 100_000 // (reachable + unreachable)
    return f"{thousandths // 1000}.{thousandths % 1000:03d} %"


def words_of(durations: DayDurations) -> str:
    """Say for how long VIMs were not simply reachable; empty if never."""
    parts = (
        ("unreachable", durations.unreachable),
        ("unknown", durations.unknown),
        ("in maintenance", durations.maintenance),
    )
    return ", ".join(f"{word} for {_minutes(micros)}" for word, micros in parts if micros)


def _day_of(date: dt.date, durations: DayDurations | None) -> DayView:
    if durations is None or durations == DayDurations(0, 0, 0, 0):
        return DayView(date, DayState.NONE, "no data")
    return DayView(date, _day_state(durations), words_of(durations) or "reachable")


def _day_state(durations: DayDurations) -> DayState:
    if durations.unreachable:
        return DayState.BAD if durations.unreachable >= _BAD_FROM_MICROS else DayState.PARTLY
    if durations.unknown:
        return DayState.UNKNOWN
    return DayState.MAINTENANCE if durations.maintenance else DayState.GOOD


def _minutes(micros: int) -> str:
    minutes = -(-micros // _MICROS_PER_MINUTE)  # rounded up: what happened is never said to have taken no time
    hours, rest = divmod(minutes, 60)
    return f"{hours} h {rest} min" if hours else f"{rest} min"
