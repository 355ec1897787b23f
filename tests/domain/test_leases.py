from __future__ import annotations

import pytest

from vimesh.domain.leases import contact_within_s, enough_s, lease_s, start_grace_s
from vimesh.domain.todos import retry_delay_s
from vimesh.monitor.reporting.report_ledger import LATEST_CONTACT


def test_after_a_contact_that_was_not_written_one_may_be_missed() -> None:
    """One contact is lost, and the next one comes as late as it may."""
    for within_s in (10.0, 60.0):
        assert enough_s(lease_s(within_s)) - LATEST_CONTACT * within_s >= within_s


@pytest.mark.parametrize(("actions", "asked_s"), [(0, 10), (20_000, 10), (100_000, 50), (1_000_000, 60)])
def test_the_more_actions_there_are_the_later_each_is_asked_back(actions: int, asked_s: float) -> None:
    assert contact_within_s(actions, floor_s=10, budget_per_s=2000) == asked_s


def test_the_grace_of_actions_that_nobody_runs_grows_to_an_hour() -> None:
    assert [start_grace_s(unheard) for unheard in (0, 1, 2, 5, 6, 10_000)] == [60, 120, 240, 1920, 3600, 3600]


def test_the_pause_after_failures_doubles_to_a_minute_and_is_never_the_same_for_all() -> None:
    assert [retry_delay_s(failures, 0) for failures in (1, 2, 3, 6, 7, 10_000)] == [1, 2, 4, 32, 60, 60]
    assert retry_delay_s(3, 1) == 2
