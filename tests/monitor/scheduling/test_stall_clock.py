from __future__ import annotations

import pytest

from vimesh.monitor.scheduling.stall_clock import StallClock


class Hands:
    """A clock to be set by hand."""

    def __init__(self) -> None:
        self.time = 100.0

    def __call__(self) -> float:
        return self.time


def test_it_runs_while_it_is_read_in_time() -> None:
    hands = Hands()
    clock = StallClock(hands)
    for _ in range(100):
        clock.expect_reading(clock.now() + 0.1)
        hands.time += 0.11

    assert clock.now() == pytest.approx(hands.time)


def test_it_stands_still_during_a_stall() -> None:
    hands = Hands()
    clock = StallClock(hands)
    clock.expect_reading(clock.now() + 0.1)

    hands.time += 0.1 + 1.5

    assert clock.now() == pytest.approx(100.1)
    assert clock.now() == pytest.approx(100.1)  # one stall counts once


def test_after_a_stall_it_runs_as_before() -> None:
    hands = Hands()
    clock = StallClock(hands)
    clock.expect_reading(clock.now())
    hands.time += 2
    clock.expect_reading(clock.now() + 0.5)

    hands.time += 0.5

    assert clock.now() == pytest.approx(100.5)


def test_who_waits_for_nothing_cannot_be_late() -> None:
    hands = Hands()
    clock = StallClock(hands)
    clock.expect_reading(None)

    hands.time += 1000

    assert clock.now() == pytest.approx(1100)


def test_it_says_how_much_of_the_last_seconds_was_lost() -> None:
    hands = Hands()
    clock = StallClock(hands)
    for stall_s in (2.0, 0.5):
        clock.expect_reading(clock.now())
        hands.time += stall_s
        clock.now()
        clock.expect_reading(None)
        hands.time += 1

    assert clock.lost_within(0.5) == 0
    assert clock.lost_within(1.2) == pytest.approx(0.5)
    assert clock.lost_within(10) == pytest.approx(2.5)
