"""A server that is wrong must be found out: faults are planted in a real one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from random import Random

import grpc
import pytest

from tests.fuzz.doors.campaign import Campaign, Tally
from tests.fuzz.doors.meter import Meter
from tests.fuzz.doors.planted_main import ENDS, KEEPS, NONE, RAISES, SPINS
from tests.fuzz.doors.rpc_door import RpcDoor
from tests.support.processes.side_process import side_process

_INPUTS = 250
_FEW_INPUTS = 60
"""For faults where each hit takes long."""
_KIND = "GetVim"
Fuzz = Callable[[str, Callable[[Campaign], None]], Awaitable[Tally]]


@pytest.fixture
def fuzz(tmp_path: Path) -> Fuzz:
    async def run(fault: str, work: Callable[[Campaign], None]) -> Tally:
        async with side_process("tests.fuzz.doors.planted_main", fault, log=tmp_path / "planted.log") as said:
            port, pid = map(int, said.split())
            return await asyncio.to_thread(_fuzz, port, pid, work)

    return run


def _fuzz(port: int, pid: int, work: Callable[[Campaign], None]) -> Tally:
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        campaign = Campaign(RpcDoor(channel, channel, channel), [Meter(pid)])
        work(campaign)
        return campaign.tallies[_KIND]


def _odd(inputs: int) -> Callable[[Campaign], None]:
    return lambda campaign: campaign.run(_KIND, Random("planted"), inputs)


async def test_a_server_without_a_fault_passes(fuzz: Fuzz) -> None:
    tally = await fuzz(NONE, _odd(_INPUTS))

    assert tally.sent == _INPUTS
    assert tally.codes["OK"] > _INPUTS / 50
    assert not tally.failures


@pytest.mark.parametrize(
    ("fault", "inputs", "told"),
    [
        (RAISES, _INPUTS, "INTERNAL"),
        (SPINS, _FEW_INPUTS, "takes too long"),
        (KEEPS, _INPUTS, "memory is kept"),
        (ENDS, _INPUTS, "a process has ended"),
    ],
)
async def test_a_fault_is_found(fuzz: Fuzz, fault: str, inputs: int, told: str) -> None:
    tally = await fuzz(fault, _odd(inputs))

    assert told in tally.failures, tally


async def test_the_input_that_is_kept_shows_the_fault_again(fuzz: Fuzz, tmp_path: Path) -> None:
    def find(campaign: Campaign) -> None:
        campaign.run(_KIND, Random("planted"), _FEW_INPUTS)
        campaign.keep(tmp_path)

    await fuzz(RAISES, find)
    [kept] = (tmp_path / _KIND).iterdir()
    again = await fuzz(RAISES, lambda campaign: campaign.try_one(_KIND, kept.read_bytes()))

    assert again.failures["INTERNAL"].name == kept.name
