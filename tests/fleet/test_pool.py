"""Three monitors that were started the plain way share the VIMs, through deaths and drains (G17)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fleet.pool_scenario import run_scenario
from vimesh.domain.pool.pool_members import MEMBER_LEASE_S

pytestmark = [pytest.mark.fleet, pytest.mark.alone, pytest.mark.timeout(240)]

COUNT = 60
INTERVAL_S = 2.0


async def test_each_vim_is_probed_once_a_round_whoever_dies_or_drains(tmp_path: Path) -> None:
    figures = await run_scenario(tmp_path, COUNT, INTERVAL_S)

    # Once a round, and not by two of them: then four rounds would have gone by in the time of two.
    assert 3 <= figures.fewest_at_rest <= figures.most_at_rest <= 5
    assert figures.rounds_at_rest > 3
    assert min(figures.actions) > 0
    # Nobody has lost sight of a VIM long enough for its status to end, and nobody was accused.
    assert figures.longest_gap_after_kill_s < MEMBER_LEASE_S
    assert figures.changes == []
    # A round is late by the jitter of its start at most, and none is left out.
    assert figures.longest_gap_of_return_s < 2 * INTERVAL_S
    assert figures.longest_gap_of_drain_s < 2 * INTERVAL_S
