from __future__ import annotations

import datetime as dt

from vimesh.conductor.upkeep.replacement_holdoff import ReplacementHoldoff

BEGIN = dt.datetime(2026, 8, 1, tzinfo=dt.UTC)


def held(holdoff: ReplacementHoldoff, *at_s: float) -> list[bool]:
    return [holdoff.is_over(BEGIN + dt.timedelta(seconds=second), 3) for second in at_s]


def test_a_vigil_is_held_after_its_time() -> None:
    assert held(ReplacementHoldoff(), 0, 1, 2, 3, 4, 8) == [False, False, False, True, True, True]


def test_a_database_that_was_away_begins_it_anew() -> None:
    holdoff = ReplacementHoldoff()
    held(holdoff, 0, 1, 2, 3)
    holdoff.reset()

    assert held(holdoff, 4, 5, 6, 7) == [False, False, False, True]


def test_a_machine_that_slept_or_a_clock_that_was_set_begins_it_anew() -> None:
    holdoff = ReplacementHoldoff()
    held(holdoff, 0, 1, 2, 3)

    assert held(holdoff, 3600, 3601, 3602, 3603) == [False, False, False, True]
    assert held(holdoff, 10, 11, 12, 13) == [False, False, False, True]
