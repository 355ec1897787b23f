"""When a VIM flaps, and when it does so no more."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vimesh.domain.history.flapping import BEGINS_AT, ENDS_BELOW, WINDOW_S, is_flapping, share_of_changes

NOW = 1_000_020.0
"""The begin of a minute."""


def minutes_ago(*minutes: float) -> list[float]:
    return sorted(NOW - 60 * each for each in minutes)


def test_a_vim_that_changes_in_each_minute_flaps_as_much_as_can_be() -> None:
    assert share_of_changes(minutes_ago(*range(20)), NOW) == pytest.approx(1)
    assert share_of_changes([], NOW) == 0
    assert share_of_changes(minutes_ago(20, 30), NOW) == 0


def test_newer_changes_weigh_more() -> None:
    assert share_of_changes(minutes_ago(0), NOW) == pytest.approx(1.2 / 20)
    assert share_of_changes(minutes_ago(19), NOW) == pytest.approx(0.8 / 20)


def test_one_outage_is_no_flapping_however_often_it_changes_within_a_minute() -> None:
    assert not is_flapping(minutes_ago(10, 1), NOW)
    assert not is_flapping(minutes_ago(*[0.01 * number for number in range(90)]), NOW)


def test_six_minutes_with_changes_are_flapping_and_it_ends_later_than_it_began() -> None:
    changes = minutes_ago(*range(6))
    assert is_flapping(changes, NOW)
    assert not is_flapping(changes[:4], NOW)
    # So few changes would not begin it.
    held = next(after for after in range(0, 3600, 60) if share_of_changes(changes, NOW + after) < BEGINS_AT)
    assert is_flapping(changes, NOW + held)
    ended = next(after for after in range(0, 3600, 60) if not is_flapping(changes, NOW + after))
    assert share_of_changes(changes, NOW + ended) < ENDS_BELOW
    assert held < ended <= WINDOW_S


def test_what_ended_does_not_begin_with_a_single_change() -> None:
    changes = minutes_ago(*range(30, 40))
    assert is_flapping(changes, NOW - 30 * 60)
    assert not is_flapping([*changes, NOW], NOW)


def test_thousands_of_changes_are_judged_by_their_minutes() -> None:
    often = [NOW - 0.5 * number for number in range(7200)]
    began = time.process_time()

    flaps = [is_flapping(often, NOW) for _ in range(20)]

    assert all(flaps)
    assert time.process_time() - began < 2  # it takes 0.05 s, and would take minutes if each change were weighed


@given(st.lists(st.floats(0, 7200), max_size=60))
def test_flapping_is_between_its_thresholds(ages: list[float]) -> None:
    changes = sorted(NOW - age for age in ages)
    share = share_of_changes(changes, NOW)
    assert 0 <= share <= 1.0000001
    if is_flapping(changes, NOW):
        assert share >= ENDS_BELOW
    elif changes and changes[-1] == NOW:
        assert share < BEGINS_AT
