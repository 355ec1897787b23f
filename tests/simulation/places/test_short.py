"""G15, G16: the short form of the long run, `python -m tests.simulation.places`: three faults at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.simulation.places.faults import certificate, monitor, prefix, scripts
from tests.simulation.places.judgement import bound_s, wrongs
from tests.simulation.places.landscape import TLS_ZONES, mixed_landscape
from tests.simulation.places.play import Patience, observe
from tests.simulation.places.world import WorldSettings, running_world

pytestmark = [pytest.mark.fleet, pytest.mark.alone, pytest.mark.timeout(240)]

_INTERVAL_S = 1.0
_BUSY_S = 10.0
"""What a machine that has other work may add to the delay of an outage."""


async def test_a_prefix_certificates_and_the_uplink_of_a_monitor_fail_at_once_and_each_is_named_and_told(
    tmp_path: Path,
) -> None:
    script = (prefix("10.22.1"), certificate(TLS_ZONES[0], "expired"), monitor("n1"))
    settings = WorldSettings(mixed_landscape(per_prefix=6, per_zone=6), _INTERVAL_S, group_wait_s=5.0, folder=tmp_path)

    async with running_world(settings) as world:
        seen = await observe(world, script, Patience())
        wrong = wrongs(script, seen, world.sites, bound_s(_INTERVAL_S, _BUSY_S))

    assert wrong == []
    assert sorted(seen.names) == [("CERTIFICATE", f"*.{TLS_ZONES[0]}"), ("MONITOR", "n1"), ("NETWORK", "10.22.1.0/24")]
    assert len(seen.delays_s) == 12
    # What the monitor cannot reach any more, another one reaches.
    assert set(seen.doubted.values()) == {"DISPUTED"}


def test_there_are_forty_scripts() -> None:
    assert len(scripts()) == 40
