"""Probes hundreds of healthy VIMs next to some of each hostile kind, one kind after the other."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from tests.simulation.robustness.history import now
from tests.simulation.robustness.load.canary import Canary
from tests.simulation.robustness.load.readers import Reader
from tests.simulation.robustness.meters import Reading, cpu_share, read_meters
from tests.simulation.robustness.schedule import MONITORS
from tests.simulation.robustness.stage import Stage, at_once
from tests.simulation.robustness.truth import Target, policy
from tests.support.hostile.hostile_kinds import KINDS, address_of, url_of
from tests.support.hostile.hostile_servers import Kind
from tests.support.processes.side_process import side_process
from vimesh.v1 import vim_pb2

HOSTILE = "hostile"
PER_KIND = 20
_NEIGHBOUR_INTERVAL_S = 5.0
_HOSTILE_INTERVAL_S = 2.0
_SETTLE_S = 60.0
_FIRST_ROUND_S = 20.0
"""Maximum time of the first round of a VIM with many addresses, or whose name server has to be given up."""


@dataclass(frozen=True, slots=True)
class Siege:
    neighbours: int
    minutes: float
    """Time next to each kind."""
    kinds: tuple[str, ...]
    folder: Path
    together: int = 1
    """Number of kinds at a time."""


async def play(stage: Stage, siege: Siege) -> None:
    """Record how each kind affects neighbours, monitors and a canary."""
    count = siege.neighbours
    neighbours = [Target(f"127.1.{n // 250}.{n % 250 + 1}", "HTTP", "up") for n in range(count)]
    probed = await stage.register_targets(neighbours, _NEIGHBOUR_INTERVAL_S)
    wrong = await stage.until_said(dict.fromkeys(probed, "REACHABLE"), _SETTLE_S)
    assert not wrong, f"before anything hostile came: {wrong[:5]}"
    canary = await Canary.register(stage)
    async with side_process(
        "tests.support.hostile.hostile_main", *siege.kinds, log=siege.folder / "hostile.log"
    ) as line:
        ports = json.loads(line)
        for first in range(0, len(siege.kinds), siege.together):
            names = siege.kinds[first : first + siege.together]
            await _beside_each(stage, {name: ports[name] for name in names}, canary, 60 * siege.minutes)
    await stage.note_finals()
    await stage.take_down_what_is_left()


async def _beside_each(stage: Stage, ports: dict[str, int], canary: Canary, for_s: float) -> None:
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(canary.run(tuple(ports), now() + for_s))
        for name, port in ports.items():
            tasks.create_task(_beside(stage, KINDS[name], port, for_s))


async def _beside(stage: Stage, kind: Kind, port: int, for_s: float) -> None:
    first = _read(stage)
    numbers = range(1, PER_KIND + 1)
    if kind.silenced:
        await asyncio.to_thread(stage.machine.drop, [address_of(kind, number) for number in numbers])
    vims = await at_once(lambda number: _register(stage, kind, number, port), numbers)
    until_s = first.at_s + for_s
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(asyncio.sleep(until_s - now()))
        sampling = tasks.create_task(_sample(stage, first.at_s + for_s / 2))
    last = _read(stage)
    statuses = await _statuses(stage, kind, {vim.id for vim in vims})
    stage.history.note(
        "hostile",
        hostile=kind.name,
        expected=sorted(kind.expected),
        began=round(first.at_s, 4),
        statuses=statuses,
        restarted=first.pids != last.pids,
        cpu_share=round(cpu_share(first, last), 3),
        rss_first_mib=round(first.rss_mib, 1),
        rss_last_mib=round(last.rss_mib, 1),
        rss_middle_mib=round(sampling.result(), 1),
    )
    await at_once(lambda vim: _deregister(stage, vim), vims)


async def _register(stage: Stage, kind: Kind, number: int, port: int) -> vim_pb2.Vim:
    asked = policy(kind.method, _HOSTILE_INTERVAL_S)
    url = url_of(kind, number, port)
    vim = await stage.client.register(name=f"{kind.name}-{number}", auth_url=url, probe_policy=asked)
    stage.history.note("vim", vim=vim.id, engine="HOSTILE", address="", truth="")
    return vim


async def _deregister(stage: Stage, vim: vim_pb2.Vim) -> vim_pb2.Vim:
    await stage.client.deregister(vim.id)
    stage.history.note("deregistered", vim=vim.id, outcome="OK", doubtful=False)
    return vim


def _read(stage: Stage) -> Reading:
    """Read the meters of the running monitors: one that is being restarted is not included."""
    return read_meters(pid for name in MONITORS if (pid := stage.world.pid(name)) is not None)


async def _sample(stage: Stage, middle_s: float) -> float:
    """Return the memory in use in the middle of the period, in MiB."""
    await asyncio.sleep(middle_s - now())
    return _read(stage).rss_mib


async def _statuses(stage: Stage, kind: Kind, vims: set[str]) -> dict[str, int]:
    """Count the VIMs by status, followed by a blank and the reason. A first round may take its time."""
    reader = Reader("statuses", stage.client, stage.history)
    until_s = now() + _FIRST_ROUND_S
    while True:
        listed = await reader.listed()
        assert listed is not None, "the fleet does not answer"
        said = Counter(
            f"{vim_pb2.Vim.Status.Name(vim.status)} {vim.reason}".strip() for vim in listed if vim.id in vims
        )
        if said.keys() <= kind.expected or now() > until_s:
            return dict(said)
        await asyncio.sleep(0.5)
