from __future__ import annotations

from vimesh.monitor.rounds.address_budget import BURST_S, AddressBudget


def test_what_is_within_the_budget_begins_at_once() -> None:
    budget = AddressBudget(rounds_per_s=10)

    assert [budget.take_turn("10.0.0.1", now / 10) for now in range(100)] == [0.0] * 100


def test_what_is_above_it_gets_turns_one_after_the_other() -> None:
    budget = AddressBudget(rounds_per_s=10)

    delays = [budget.take_turn("10.0.0.1", 5.0) for _ in range(100)]

    assert delays.count(0.0) == int(BURST_S * 10) + 1
    assert [round(delay, 6) for delay in delays[-3:]] == [8.7, 8.8, 8.9]


def test_one_address_takes_nothing_from_another() -> None:
    budget = AddressBudget(rounds_per_s=1)
    for _ in range(10):
        budget.take_turn("10.0.0.1", 0.0)

    assert budget.take_turn("10.0.0.2", 0.0) == 0.0


def test_addresses_whose_turns_are_over_are_forgotten() -> None:
    budget = AddressBudget(rounds_per_s=1000)

    for number in range(100_000):
        budget.take_turn(f"address {number}", number / 1000)

    assert len(budget) < 10_000
