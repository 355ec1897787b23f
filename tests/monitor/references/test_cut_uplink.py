"""The uplink of a monitor is cut: packets are dropped, and the link stays up (G16)."""

from __future__ import annotations

import pytest

from tests.monitor.references.cut_uplink import CutScenario, run_cut


@pytest.mark.timeout(120)
async def test_a_monitor_whose_uplink_is_cut_accuses_none_of_its_vims() -> None:
    figures = await run_cut(CutScenario(pinged=60, connected=20, interval_s=1.0))

    assert figures.unreachable == 0
    assert figures.unknown == {"LOCAL_NETWORK": 80}
    assert figures.reachable_again == 80
    assert figures.true_outages_told == 2
