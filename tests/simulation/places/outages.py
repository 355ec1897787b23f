"""Loses many VIMs, one after the other, and measures how long it takes until each is on record as lost."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import defaultdict
from dataclasses import dataclass, field
from random import Random

from tests.simulation.notifications.fleet_calls import newest_revision
from tests.simulation.places.world import World
from vimesh.v1.vim_pb2 import Vim

_KINDS = ("lost", "rejected")


@dataclass(frozen=True, slots=True)
class Outages:
    count: int
    every_s: float
    """From one to the next."""
    last_s: float
    """How long each lasts: longer than it takes to notice."""


@dataclass(slots=True)
class Delays:
    """Times in seconds of the outages that were noticed; `lost` are silent, `rejected` ones are refused by a router."""

    from_fault_s: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    from_verdict_s: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    """The part of it in which a second opinion is waited for, and that is stored."""
    unnoticed: int = 0
    accused: int = 0
    """Changes to UNREACHABLE of VIMs that were not lost."""


@dataclass(frozen=True, slots=True)
class _Outage:
    vim_id: str
    kind: str
    began: float
    ended: float
    decided: float | None
    """When its monitor decided that it is lost; None: it was not called UNREACHABLE before it came back."""


async def play_outages(world: World, outages: Outages, random: Random) -> Delays:
    revision = await newest_revision(world.client)
    vim_ids = [vim_id for vim_id, site in world.sites.items() if not site.zone]
    random.shuffle(vim_ids)
    assert len(vim_ids) * outages.every_s > 2 * outages.last_s, "a VIM would be lost again before it is back"
    async with asyncio.TaskGroup() as tasks:
        played = []
        for number, vim_id in zip(range(outages.count), itertools.cycle(vim_ids), strict=False):
            kind = _KINDS[number % len(_KINDS)]
            played.append(tasks.create_task(_play(world, vim_id, kind, outages.last_s)))
            # Not in step with the rounds of probes.
            await asyncio.sleep(outages.every_s * random.uniform(0.5, 1.5))
    await world.until_all_reachable(60.0)
    committed: dict[str, list[float]] = defaultdict(list)
    for event in await world.events_since(revision):
        if event.status == Vim.UNREACHABLE:
            committed[event.vim_id].append(event.time.ToMicroseconds() / 1e6)
    delays = Delays()
    for outage in (task.result() for task in played):
        times = [at for at in committed[outage.vim_id] if outage.began <= at <= outage.ended]
        if outage.decided is None or not times:
            delays.unnoticed += 1
            continue
        committed[outage.vim_id] = [at for at in committed[outage.vim_id] if at not in times]
        delays.from_fault_s[outage.kind].append(times[0] - outage.began)
        delays.from_verdict_s[outage.kind].append(times[0] - outage.decided)
    delays.accused = sum(map(len, committed.values()))
    return delays


async def _play(world: World, vim_id: str, kind: str, last_s: float) -> _Outage:
    address = world.sites[vim_id].address
    began = time.time()
    await asyncio.to_thread(world.ground.roads.block, kind, [address])
    try:
        await asyncio.sleep(last_s)
        vim = await world.client.get(vim_id)
    finally:
        ended = time.time()
        await asyncio.to_thread(world.ground.roads.unblock, kind, [address])
    decided = vim.status_time.ToMicroseconds() / 1e6 if vim.status == Vim.UNREACHABLE else None
    return _Outage(vim_id, kind, began, ended, decided)
