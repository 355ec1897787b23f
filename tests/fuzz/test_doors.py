"""The short form of fuzzing the doors: inputs that failed earlier, and some hundred odd inputs, the same in each run.

How long other callers wait is not judged here, because other tests run at the same time.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path
from random import Random

import pytest
import pytest_asyncio

from tests.fuzz.doors.aftermath import left_behind
from tests.fuzz.doors.campaign import CORPUS, Campaign
from tests.fuzz.doors.doors import DOORS
from tests.fuzz.doors.site import Site, running_site
from tests.support.timing.cpu_budget import slowness

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(120)]

_INPUTS = {"rpc": 270, "json": 135, "rest": 135, "amqp": 60, "http2": 70}
"""Number of inputs of all kinds together."""
_PATIENCE = 2.0


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Site]:
    async with running_site(tmp_path_factory.mktemp("doors"), with_bridge=True) as running:
        yield running


@pytest.mark.parametrize("door", DOORS)
async def test_nothing_that_comes_in_by_a_door_does_harm(site: Site, door: str) -> None:
    failures = await asyncio.to_thread(_fuzz, site, door, CORPUS / door)

    assert not failures, "\n".join(failures)
    assert not await asyncio.to_thread(left_behind, site)
    assert not site.defects()


def _fuzz(site: Site, name: str, corpus: Path) -> list[str]:
    with DOORS[name](site) as door:
        campaign = Campaign(
            door, [part.meter for part in site.parts], site.register, patience=lambda: _PATIENCE * slowness()
        )
        for kind in door.kinds:
            campaign.replay(kind, corpus)
            campaign.run(kind, Random(f"short {kind}"), _INPUTS[name] // len(door.kinds))
        return [str(failure) for failure in campaign.failures]
