"""2,000 VIMs on the embedded fleet, half of them switched off in one instant."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path

import pytest

from tests.support.deployments.fleets import starting_fleet
from tests.support.networks.namespaces import namespace

pytestmark = [pytest.mark.fleet, pytest.mark.alone, pytest.mark.timeout(180)]

COUNT = 2000
INTERVAL_S = 10.0
ROOT = Path(__file__).parents[2]


async def test_those_that_go_dark_and_no_others_become_unreachable(tmp_path: Path) -> None:
    with namespace() as machine:
        async with starting_fleet(tmp_path, prefix=machine.command()) as fleet:
            bystander = await asyncio.create_subprocess_exec(
                *machine.command(sys.executable, "-m", "tests.fleet.bystander", fleet.address, str(COUNT)),
                cwd=ROOT,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                limit=1 << 20,
            )
            assert bystander.stdin is not None
            assert bystander.stdout is not None
            addresses = json.loads(await bystander.stdout.readline())["addresses"]
            dark = set(addresses[::2])

            switched_off = time.monotonic()
            machine.drop(dark)
            last = json.loads((await bystander.communicate(f"{len(dark)}\n".encode()))[0])

    assert {address for address, (status, _) in last.items() if status == "UNREACHABLE"} == dark
    assert {address for address, (status, _) in last.items() if status == "REACHABLE"} == set(addresses) - dark
    assert all(changed < switched_off for status, changed in last.values() if status == "REACHABLE")
    assert max(changed for _, changed in last.values()) <= switched_off + INTERVAL_S + 3
