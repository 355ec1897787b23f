"""What decision 57 says of late reports, silences, backups, removed VIMs and maintenance."""

from __future__ import annotations

import datetime as dt

from vimesh.domain.availability.counted_days import DAY, Cause, Stretch, count_by_days, count_by_months, number_of
from vimesh.domain.availability.timeline import (
    MAINTENANCE,
    StatusChange,
    StatusSpan,
    TimeSpan,
    begins_span,
    status_spans,
    under_maintenance,
    union,
)

REGISTERED = StatusChange(0, "PENDING", "")
UP = "REACHABLE"
DOWN = "UNREACHABLE"


def spans(*changes: StatusChange, stop: int = 100) -> list[tuple[int, int, str]]:
    return [(span.start, span.stop, span.status) for span in status_spans((REGISTERED, *changes), stop)]


def test_a_change_counts_from_when_it_was_seen() -> None:
    assert spans(StatusChange(10, UP, ""), StatusChange(60, DOWN, "TIMEOUT")) == [
        (0, 10, "PENDING"),
        (10, 60, UP),
        (60, 100, DOWN),
    ]


def test_a_late_report_takes_nothing_from_before_the_change_in_front_of_it() -> None:
    """It was seen at 5, and an earlier report at 10: that one has no time left, and what was before it is kept."""
    assert spans(StatusChange(10, UP, ""), StatusChange(5, DOWN, "")) == [(0, 10, "PENDING"), (10, 100, DOWN)]


def test_a_silence_lasts_from_the_end_of_the_lease() -> None:
    silence = StatusChange(40, "UNKNOWN", "SILENT")

    assert spans(StatusChange(10, UP, ""), silence) == [(0, 10, "PENDING"), (10, 40, UP), (40, 100, "UNKNOWN")]
    # It ends with what was seen next.
    assert spans(StatusChange(10, UP, ""), silence, StatusChange(70, UP, ""))[2:] == [
        (40, 70, "UNKNOWN"),
        (70, 100, UP),
    ]
    # An action that only was not heard has seen the VIM all the time: but what the lease covered stays.
    assert spans(StatusChange(10, UP, ""), silence, StatusChange(20, DOWN, ""))[1:] == [(10, 40, UP), (40, 100, DOWN)]


def test_after_a_backup_was_restored_the_time_without_a_record_is_a_silence() -> None:
    """The log ends with the backup: the lease that was in it has ended, and the first report comes much later."""
    in_backup = StatusChange(10, UP, "")
    assert spans(in_backup, StatusChange(40, "UNKNOWN", "SILENT"), StatusChange(90, UP, ""))[1:] == [
        (10, 40, UP),
        (40, 90, "UNKNOWN"),
        (90, 100, UP),
    ]


def test_nothing_is_counted_of_the_future() -> None:
    assert spans(StatusChange(10, UP, ""), StatusChange(300, DOWN, "")) == [(0, 10, "PENDING"), (10, 100, UP)]
    assert not list(status_spans([StatusChange(300, UP, "")], 100))
    assert not list(status_spans([], 100))


def test_a_modification_begins_a_span_only_if_it_brings_a_new_action() -> None:
    assert begins_span("MODIFIED", "old action")
    assert not begins_span("MODIFIED", "")
    assert not begins_span("MAINTENANCE_STARTED", "")
    assert begins_span("STATUS_CHANGED", "")


def test_maintenance_wins_over_any_status_once_however_many_windows_cover_it() -> None:
    covered = union([TimeSpan(50, 60), TimeSpan(10, 20), TimeSpan(15, 30), TimeSpan(30, 31), TimeSpan(7, 7)])
    assert covered == [(10, 31), (50, 60)]

    parts = under_maintenance([StatusSpan(0, 15, UP, ""), StatusSpan(15, 100, DOWN, "TIMEOUT")], covered)

    assert [(part.start, part.stop, part.status) for part in parts] == [
        (0, 10, UP),
        (10, 15, MAINTENANCE),
        (15, 31, MAINTENANCE),
        (31, 50, DOWN),
        (50, 60, MAINTENANCE),
        (60, 100, DOWN),
    ]


def test_a_quiet_year_is_a_stretch_a_month() -> None:
    """From noon to noon, over a leap day: 28 February 2028 has 29 days."""
    first = number_of(dt.date(2027, 12, 31))
    end = number_of(dt.date(2028, 3, 2))
    whole = [StatusSpan(first * DAY + DAY // 2, end * DAY + DAY // 2, UP, "")]
    cause = Cause(UP, "")

    days = count_by_days(whole)

    assert days == {
        Stretch(first, 1): {cause: DAY // 2},
        Stretch(first + 1, 31): {cause: 31 * DAY},
        Stretch(first + 32, 29): {cause: 29 * DAY},
        Stretch(first + 61, 1): {cause: DAY},
        Stretch(end, 1): {cause: DAY // 2},
    }
    march = number_of(dt.date(2028, 3, 1))
    assert count_by_months(days)[Stretch(march, 31)] == {cause: DAY + DAY // 2}


def test_a_day_is_split_by_a_limited_number_of_reasons() -> None:
    many = [StatusSpan(second, second + 1, DOWN, f"REASON_{second}") for second in range(1000)]

    [counts] = count_by_days(many).values()

    assert len(counts) == 17
    assert counts[Cause(DOWN, "OTHER")] == 1000 - 16
