"""What is said of a line, and of its days."""

from __future__ import annotations

import datetime as dt

import pytest

from vimesh.console.status.fleet_answers import DayDurations, LineCounts, PageDays
from vimesh.console.status.line_states import (
    DayState,
    LineState,
    availability_of,
    days_of,
    remark_of,
    state_of,
    words_of,
    worst_of,
)

MINUTE = 60_000_000
DAY = 24 * 60 * MINUTE
TODAY = dt.date(2026, 11, 30)


@pytest.mark.parametrize(
    ("counts", "state", "remark"),
    [
        (LineCounts(reachable=1), LineState.REACHABLE, ""),
        (LineCounts(reachable=3), LineState.REACHABLE, ""),
        (LineCounts(unreachable=1), LineState.UNREACHABLE, ""),
        (LineCounts(reachable=2, unreachable=1), LineState.DEGRADED, "1 of 3 unreachable"),
        (LineCounts(unreachable=2, maintenance=1), LineState.UNREACHABLE, "2 of 3 unreachable, 1 of 3 in maintenance"),
        (LineCounts(unreachable=1, unknown=1), LineState.DEGRADED, "1 of 2 unreachable, 1 of 2 unknown"),
        (LineCounts(reachable=5, unknown=1), LineState.UNKNOWN, "1 of 6 unknown"),
        (LineCounts(reachable=5, pending=1), LineState.PENDING, "1 of 6 pending"),
        (LineCounts(maintenance=1), LineState.MAINTENANCE, ""),
        (LineCounts(reachable=1, maintenance=1), LineState.REACHABLE, "1 of 2 in maintenance"),
    ],
)
def test_a_line_says_the_worst_of_its_vims(counts: LineCounts, state: LineState, remark: str) -> None:
    assert (state_of(counts), remark_of(counts)) == (state, remark)


def test_a_page_is_as_its_worst_line_and_unknown_without_any() -> None:
    assert worst_of([LineState.REACHABLE, LineState.MAINTENANCE, LineState.DEGRADED]) is LineState.DEGRADED
    assert worst_of([LineState.REACHABLE]) is LineState.REACHABLE
    assert worst_of([]) is LineState.UNKNOWN


@pytest.mark.parametrize(
    ("durations", "state", "words"),
    [
        (DayDurations(DAY, 0, 0, 0), DayState.GOOD, "reachable"),
        (DayDurations(DAY, 1, 0, 0), DayState.PARTLY, "unreachable for 1 min"),
        (DayDurations(DAY, 61 * MINUTE, 0, 0), DayState.BAD, "unreachable for 1 h 1 min"),
        (DayDurations(DAY, 0, MINUTE, 0), DayState.UNKNOWN, "unknown for 1 min"),
        (DayDurations(DAY, 0, 0, 2 * MINUTE), DayState.MAINTENANCE, "in maintenance for 2 min"),
        (DayDurations(DAY, MINUTE, MINUTE, MINUTE), DayState.PARTLY, None),
        (DayDurations(0, 0, 0, 0), DayState.NONE, "no data"),
    ],
)
def test_a_day_says_what_was_not_simply_reachable(durations: DayDurations, state: DayState, words: str | None) -> None:
    days = days_of(PageDays(TODAY, dt.datetime.now(dt.UTC), {"a": {TODAY: durations}}), "a")

    assert len(days) == 90
    assert (days[0].day, days[0].state) == (TODAY - dt.timedelta(days=89), DayState.NONE)
    assert (days[-1].day, days[-1].state) == (TODAY, state)
    assert days[-1].text == (words or "unreachable for 1 min, unknown for 1 min, in maintenance for 1 min")


def test_a_line_that_nobody_counted_has_no_data() -> None:
    days = days_of(PageDays(TODAY, dt.datetime.now(dt.UTC), {}), "a")

    assert {day.state for day in days} == {DayState.NONE}
    assert availability_of({}) == ""


def test_availability_is_never_rounded_up() -> None:
    almost = {TODAY: DayDurations(reachable=10**9, unreachable=1, unknown=10**9, maintenance=10**9)}

    assert availability_of(almost) == "99.999 %"
    assert availability_of({TODAY: DayDurations(DAY, 0, 0, 0)}) == "100.000 %"
    assert availability_of({TODAY: DayDurations(0, DAY, 0, 0)}) == "0.000 %"
    assert words_of(DayDurations(DAY, 0, 0, 0)) == ""
