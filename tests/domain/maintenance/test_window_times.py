"""When windows are open: in three time zones whose clocks change, and at a bounded cost."""

from __future__ import annotations

import datetime as dt
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vimesh.domain.maintenance.recurrence_rules import MAX_RULE, RuleInvalid, parse_rule
from vimesh.domain.maintenance.time_zones import TimeZoneUnknown, read_zone
from vimesh.domain.maintenance.window_times import Occurrence, WindowTimes

UTC = dt.UTC
BERLIN, NEW_YORK, LORD_HOWE = "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"
TWO_HOURS = dt.timedelta(hours=2)
START = dt.datetime(2026, 1, 1, 9, tzinfo=UTC)
CENTURY = dt.timedelta(days=36525)


def _local(zone: str, *time_: int) -> dt.datetime:
    year, month, day, hour, minute = time_
    return dt.datetime(year, month, day, hour, minute, tzinfo=ZoneInfo(zone)).astimezone(UTC)


def _starts(times: WindowTimes, count: int) -> list[str]:
    return [f"{one.start:%m-%dT%H:%MZ}" for one in islice(times.from_time(times.start), count)]


@pytest.mark.parametrize(
    ("zone", "first", "starts"),
    [
        # Clocks go forward on 29 March at 02:00: half past two is not shown, and is meant by the offset before.
        (BERLIN, (2026, 3, 27, 2, 30), ["03-27T01:30Z", "03-28T01:30Z", "03-29T01:30Z", "03-30T00:30Z"]),
        # They go back on 25 October at 03:00: half past two is shown twice, and the first is meant.
        (BERLIN, (2026, 10, 24, 2, 30), ["10-24T00:30Z", "10-25T00:30Z", "10-26T01:30Z"]),
        (NEW_YORK, (2026, 3, 7, 2, 30), ["03-07T07:30Z", "03-08T07:30Z", "03-09T06:30Z"]),
        (NEW_YORK, (2026, 10, 31, 1, 30), ["10-31T05:30Z", "11-01T05:30Z", "11-02T06:30Z"]),
        # By half an hour.
        (LORD_HOWE, (2026, 4, 4, 1, 45), ["04-03T14:45Z", "04-04T14:45Z", "04-05T15:15Z"]),
        (LORD_HOWE, (2026, 10, 3, 2, 15), ["10-02T15:45Z", "10-03T15:45Z", "10-04T15:15Z"]),
        # A day that the zone skipped.
        ("Pacific/Apia", (2011, 12, 29, 2, 0), ["12-29T12:00Z", "12-30T12:00Z", "12-31T12:00Z"]),
    ],
)
def test_a_rule_follows_the_clocks_of_its_zone(zone: str, first: tuple[int, ...], starts: list[str]) -> None:
    times = WindowTimes(_local(zone, *first), TWO_HOURS, "FREQ=DAILY", zone)

    assert _starts(times, len(starts)) == starts
    # Each lasts two hours, whatever the clocks show at its end.
    assert all(one.end - one.start == TWO_HOURS for one in islice(times.from_time(times.start), 10))


@pytest.mark.parametrize(
    ("rule", "starts"),
    [
        ("FREQ=DAILY;INTERVAL=10", ["01-01", "01-11", "01-21"]),
        ("FREQ=DAILY;COUNT=2", ["01-01", "01-02"]),
        ("FREQ=DAILY;UNTIL=20260103", ["01-01", "01-02", "01-03"]),
        ("FREQ=DAILY;UNTIL=20260103T085959Z", ["01-01", "01-02"]),
        ("freq=weekly;byday=su,we", ["01-04", "01-07", "01-11"]),
        ("FREQ=WEEKLY;INTERVAL=2;WKST=SU;BYDAY=FR", ["01-02", "01-16", "01-30"]),
        ("FREQ=MONTHLY;BYDAY=2TU", ["01-13", "02-10", "03-10"]),
        ("FREQ=MONTHLY;BYMONTHDAY=-1", ["01-31", "02-28", "03-31"]),
        ("FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1", ["01-30", "02-27", "03-31"]),
        ("FREQ=YEARLY;BYMONTH=3,6;BYDAY=1SA", ["03-07", "06-06", "03-06"]),
    ],
)
def test_rules_choose_days(rule: str, starts: list[str]) -> None:
    times = WindowTimes(START, TWO_HOURS, rule)

    assert [start[:5] for start in _starts(times, 3)] == starts
    times.check()


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        ("", "each of them once"),
        ("FREQ", "each of them once"),
        ("FREQ=DAILY;FREQ=DAILY", "each of them once"),
        ("FREQ=SECONDLY", "needs FREQ"),
        ("BYDAY=SU", "needs FREQ"),
        ("FREQ=DAILY;BYHOUR=1", "cannot have 'BYHOUR'"),
        ("FREQ=DAILY;BYMONTH=2", "cannot have 'BYMONTH'"),
        ("FREQ=WEEKLY;BYDAY=2SU", "no numbers"),
        ("FREQ=WEEKLY;BYDAY=XX", "values such as SU"),
        ("FREQ=WEEKLY;WKST=XX", "WKST"),
        ("FREQ=MONTHLY;BYDAY=MO,2TU", "numbers with all"),
        ("FREQ=MONTHLY;BYDAY=5MO", "values such as SU"),
        ("FREQ=MONTHLY;BYMONTHDAY=0", "not 0"),
        ("FREQ=MONTHLY;BYMONTHDAY=32", "from -31 to 31"),
        ("FREQ=MONTHLY;BYMONTHDAY=13;BYDAY=FR", "not both"),
        ("FREQ=MONTHLY;BYMONTHDAY=1;BYSETPOS=2", "BYSETPOS"),
        ("FREQ=MONTHLY;BYDAY=1MO;BYSETPOS=2", "BYSETPOS"),
        ("FREQ=MONTHLY;INTERVAL=2;BYMONTH=2", "INTERVAL=1"),
        ("FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=30", "day 30 is not in the months"),
        ("FREQ=YEARLY;BYMONTH=2,4;BYMONTHDAY=31", "day 31 is not in the months"),
        ("FREQ=YEARLY;INTERVAL=4;BYMONTH=2;BYMONTHDAY=29", "day 29 is not in the months"),
        ("FREQ=DAILY;INTERVAL=0", "from 1 to 99"),
        ("FREQ=DAILY;COUNT=1001", "from 1 to 1000"),
        ("FREQ=DAILY;COUNT=1;UNTIL=20270101", "not by both"),
        ("FREQ=DAILY;UNTIL=20271301", "UNTIL must be"),
        ("FREQ=DAILY;UNTIL=tomorrow", "UNTIL must be"),
        ("FREQ=WEEKLY;BYDAY=" + ",".join(["SU"] * 32), "at most 31"),
        ("FREQ=WEEKLY;BYDAY=" + "SU," * MAX_RULE, "characters"),
    ],
)
def test_a_rule_that_cannot_be_followed_says_why(rule: str, says: str) -> None:
    with pytest.raises(RuleInvalid, match=says):
        parse_rule(rule).require_days(START)


def test_a_day_of_the_start_that_the_months_lack_is_refused() -> None:
    with pytest.raises(RuleInvalid, match="day 31"):
        WindowTimes(dt.datetime(2026, 1, 31, tzinfo=UTC), TWO_HOURS, "FREQ=YEARLY;BYMONTH=2").check()
    WindowTimes(dt.datetime(2028, 2, 29, tzinfo=UTC), TWO_HOURS, "FREQ=YEARLY;INTERVAL=3").check()


_RULES = st.builds(
    lambda parts: ";".join(f"{name}={value}" for name, value in parts.items()),
    st.fixed_dictionaries(
        {"FREQ": st.sampled_from(["DAILY", "WEEKLY", "MONTHLY", "YEARLY"])},
        optional={
            "INTERVAL": st.integers(1, 99),
            "BYMONTH": st.lists(st.integers(1, 12), min_size=1, max_size=3).map(lambda each: ",".join(map(str, each))),
            "BYMONTHDAY": st.integers(-31, 31),
            "BYDAY": st.lists(st.sampled_from(["SU", "MO", "2TU", "-4WE", "FR"]), min_size=1, max_size=3).map(",".join),
            "BYSETPOS": st.integers(-4, 4),
            "WKST": st.sampled_from(["SU", "MO"]),
        },
    ),
)


@settings(max_examples=300, deadline=None)
@given(rule=_RULES, after=st.timedeltas(dt.timedelta(0), dt.timedelta(days=3000)))
def test_a_rule_that_is_accepted_costs_little(rule: str, after: dt.timedelta) -> None:
    """G13: dateutil looks for the next start to the end of time, unless there is one."""
    start = START + after
    times = WindowTimes(start, TWO_HOURS, rule, BERLIN)
    try:
        times.check()
    except RuleInvalid:
        return
    starts = [one.start for one in islice(times.from_time(start), 5)]

    # As many steps as there are intervals between two starts. To the end of the year 9999 it is a second's work.
    assert len(starts) == 5
    assert all(dt.timedelta(0) < later - earlier < 4 * CENTURY for earlier, later in pairwise(starts))
    assert dt.timedelta(0) <= starts[0] - start < 4 * CENTURY


@settings(max_examples=200, deadline=None)
@given(
    rule=st.sampled_from(["", "FREQ=DAILY", "FREQ=WEEKLY;BYDAY=SU,WE", "FREQ=MONTHLY;BYMONTHDAY=-1"]),
    duration=st.timedeltas(dt.timedelta(seconds=1), dt.timedelta(days=10)),
    after=st.timedeltas(dt.timedelta(0), dt.timedelta(days=400)),
    zone=st.sampled_from([BERLIN, NEW_YORK, LORD_HOWE]),
)
def test_what_is_open_or_later_agrees_with_all_there_is(
    rule: str, duration: dt.timedelta, after: dt.timedelta, zone: str
) -> None:
    start = dt.datetime(2026, 2, 27, 1, 30, 0, 250_000, tzinfo=UTC)
    times, moment = WindowTimes(start, duration, rule, zone), start + after
    everything = list(islice(times.from_time(start), 500))

    left = list(islice(times.open_or_later(moment), 5))

    assert left == [one for one in everything if one.end > moment][:5]
    now = [one for one in everything if one.start <= moment < one.end]
    assert times.at(moment) == (now[-1] if now else None)
    assert times.next_from(moment) == next((one for one in everything if one.start >= moment), None)


def test_a_window_without_a_rule_is_open_once() -> None:
    start = dt.datetime(2026, 1, 1, tzinfo=UTC)
    times = WindowTimes(start, TWO_HOURS)

    assert list(times.from_time(start)) == [Occurrence(start, start + TWO_HOURS)]
    assert times.at(start + TWO_HOURS) is None
    assert times.at(start) is not None


@pytest.mark.parametrize(
    "name", ["", "Europe", "Mars/Olympus", "../UTC", "/etc/passwd", "A" * 99, "a\0b", "posixrules/x"]
)
def test_only_names_of_time_zones_are_read(name: str) -> None:
    with pytest.raises(TimeZoneUnknown):
        read_zone(name)
