"""Upgrades a fleet from one release to the next, process by process, while it is called, watched and probed."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from tests.simulation.robustness.fronts import Front
from tests.simulation.robustness.load.notified import notified
from tests.simulation.robustness.load.old_action import OldAction, tacker_at
from tests.simulation.robustness.load.planned_load import under_load
from tests.simulation.robustness.load.readers import Reader
from tests.simulation.robustness.load.rest_readers import RestReader
from tests.simulation.robustness.releases import Installation
from tests.simulation.robustness.schedule import APIS, BRIDGES, CONDUCTORS, MONITORS, NOTIFIERS
from tests.simulation.robustness.stage import Stage, working
from tests.simulation.robustness.truth import Target
from tests.support.timing.waiting import until
from vimesh.cli.local_fleet.grpc_ready import until_serving

_STEADY_S = 5.0
_WHOLE_S = 240.0
_REACHED_S = 120.0
_PAUSE_S = 0.2
"""Of each caller: 20 watchers are shown all that 48 callers report, by one process."""
_INTERVAL_S = 10.0


async def upgrade_fleet(stage: Stage, size: int) -> None:
    """Replace every process in the order that `vimesh upgrade plan` says, under load.

    `size`: VIMs that the monitors probe.
    """
    releases = stage.world.releases
    assert releases is not None
    probed = await stage.register_targets(_targets(size), _INTERVAL_S)
    wrong = await stage.until_said(dict.fromkeys(probed, "REACHABLE"), _REACHED_S)
    assert not wrong, f"before the upgrade: {wrong[:5]}"
    reader = Reader("reader", stage.client, stage.history)
    rest = RestReader([front.address for front in stage.world.fronts.values()], stage.history)
    async with notified(stage.client, stage.history) as receiver:
        async with working(stage.history, reader=reader.run), under_load(stage, pause_s=_PAUSE_S), _old_action(stage):
            await _note_plan(stage, releases.after)
            await _tables(stage, releases.after, "expand")
            for name in CONDUCTORS:
                await _restart(stage, name, releases.after)
            for front in stage.world.fronts.values():
                await _replace_front(stage, front, releases.after)
            for name in MONITORS:
                await _restart(stage, name, releases.after)
            # Not before: while a front is away, the api process that calls by it answers 503.
            async with working(stage.history, rest=rest.run):
                for name in APIS:
                    await _restart(stage, name, releases.after)
            for name in (*BRIDGES, *NOTIFIERS):
                await _restart(stage, name, releases.after)
            await _tables(stage, releases.after, "contract")
            await _note_plan(stage, releases.after)
        await receiver.note_arrivals()


@asynccontextmanager
async def _old_action(stage: Stage) -> AsyncGenerator[None]:
    """Let an action in Tacker report while the block runs, and have it killed."""
    vim = await stage.register_unnoted("old")
    async with tacker_at(stage.world.broker_url, stage.folder / "tacker") as tacker:
        action = OldAction(tacker, vim, stage.client, stage.history)
        async with working(stage.history, tacker=action.run):
            yield


def _targets(count: int) -> list[Target]:
    return [Target(f"127.1.{n // 250}.{n % 250 + 1}", "PING", "up") for n in range(count)]


async def _tables(stage: Stage, release: Installation, phase: str) -> None:
    said = await release.run("db", "upgrade", "--phase", phase, VIMESH_DATABASE_URL=stage.world.backing.url)
    stage.history.note("tables", phase=phase, said=said)


async def _note_plan(stage: Stage, release: Installation) -> None:
    said = await release.run("upgrade", "plan", "-o", "json", VIMESH_DATABASE_URL=stage.world.backing.url)
    plan: dict[str, Any] = json.loads(said)
    stage.history.note("plan", steps=plan["steps"], tables=plan["tables"])


async def _restart(stage: Stage, name: str, release: Installation) -> None:
    """Stop a process; it is started again from the other release."""
    world = stage.world
    world.installed[name] = release
    pid = world.signal(name, signal.SIGTERM)
    stage.history.note("fault", number=0, fault="upgrade", victim=name, for_s=0)
    await until(lambda: world.pid(name) not in (pid, None), _WHOLE_S)
    await world.until_whole()
    await _note_upgraded(stage, name, release)
    await asyncio.sleep(_STEADY_S)


async def _note_upgraded(stage: Stage, name: str, release: Installation) -> None:
    """Record whether the process that runs is of the release. A moment before, it was what starts it."""

    def is_new() -> bool:
        pid = stage.world.pid(name)
        return pid is not None and Path(f"/proc/{pid}/cmdline").read_bytes().startswith(release.command[0].encode())

    with suppress(TimeoutError):
        await until(is_new, _WHOLE_S)
    stage.history.note("upgraded", victim=name, is_new=is_new())


async def _replace_front(stage: Stage, front: Front, release: Installation) -> None:
    """Drain a front, stop it, and start it with what the release renders. Its clients go to the other one."""
    world = stage.world
    await front.render(release)
    await front.drain()
    await asyncio.sleep(_STEADY_S)
    pid = world.signal(front.name, signal.SIGTERM)
    stage.history.note("fault", number=0, fault="upgrade", victim=front.name, for_s=0)
    await until(lambda: world.pid(front.name) not in (pid, None), _WHOLE_S)
    async with asyncio.timeout(_WHOLE_S):
        await until_serving(str(front.address))
    await asyncio.sleep(_STEADY_S)
