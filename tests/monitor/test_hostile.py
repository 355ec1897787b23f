"""The short form of the hostile scenario: some VIMs of each family of kinds, beside healthy ones, for some seconds."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from tests.support.hostile.hostile_kinds import KINDS, address_of, url_of
from tests.support.hostile.hostile_main import NAME_SERVER
from tests.support.networks.name_server import system_files
from tests.support.networks.namespaces import Namespace
from tests.support.probers.prober import Prober, prober_in
from tests.support.processes.side_process import side_process
from vimesh.domain.probing import Method, ProbePolicy
from vimesh.domain.vims import Status

pytestmark = [pytest.mark.alone, pytest.mark.timeout(60)]

_KINDS = (
    *("blanks-and-nul", "header-drip", "garbage-for-ever", "giant-group", "retried-group", "empty-records"),
    *("forged-replies", "foreign-replies", "reply-flood", "endless-names", "many-addresses"),
)
_PER_KIND = 3
_NEIGHBOURS = tuple(f"127.1.0.{number}" for number in range(1, 31))
_CANARY = "127.3.0.1"
_POLICY = ProbePolicy(Method.HTTP, interval_s=1.0, timeout_s=0.5)
_CONFIRMED_S = 1.0 + 0.5 + 0.125
"""An interval, silence, and the spacing of the probes."""
_SLACK_S = 1.0
_HOSTILE = {f"{name}-{number}": KINDS[name] for name in _KINDS for number in range(1, _PER_KIND + 1)}


@pytest.fixture
async def prober(machine: Namespace, tmp_path: Path) -> AsyncGenerator[Prober]:
    """One that finds healthy VIMs, and then has hostile ones to probe as well."""
    with system_files(machine, resolv_conf=f"nameserver {NAME_SERVER}\n"):
        async with (
            side_process(
                "tests.simulation.robustness.load.targets_main", log=tmp_path / "targets.log", machine=machine
            ) as line,
            side_process("tests.support.hostile.hostile_main", *_KINDS, log=tmp_path / "log", machine=machine) as ports,
            prober_in(machine) as process,
        ):
            for address in (*_NEIGHBOURS, _CANARY):
                process.start(address, f"http://{address}:{int(line)}/", _POLICY)
            await process.until(lambda: len(process.now) == len(_NEIGHBOURS) + 1)
            _start_hostile(process, machine, json.loads(ports))
            yield process


def _start_hostile(process: Prober, machine: Namespace, ports: dict[str, int]) -> None:
    for number, (vim_id, kind) in enumerate(_HOSTILE.items(), 1):
        if kind.silenced:
            machine.drop([address_of(kind, number)])
        policy = ProbePolicy(Method(kind.method), interval_s=1.0, timeout_s=0.5)
        process.start(vim_id, url_of(kind, number, ports[kind.name]), policy)


async def test_hostile_vims_read_what_they_deserve_and_harm_nobody(prober: Prober, machine: Namespace) -> None:
    await prober.until(lambda: prober.now.keys() >= _HOSTILE.keys())
    dropped_at = time.monotonic()
    machine.drop([_CANARY])

    told = await prober.until_status(_CANARY, Status.UNREACHABLE)

    assert told.seen_at - dropped_at < _CONFIRMED_S + _SLACK_S
    assert {vim: prober.now[vim].status for vim in _NEIGHBOURS} == dict.fromkeys(_NEIGHBOURS, Status.REACHABLE)
    assert not [one for one in prober.told if one.vim_id in _NEIGHBOURS and one.status is not Status.REACHABLE]
    read = {vim: f"{prober.now[vim].status} {prober.now[vim].reason}".strip() for vim in _HOSTILE}
    assert not {vim: said for vim, said in read.items() if said not in _HOSTILE[vim].expected}
