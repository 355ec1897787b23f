"""Defines the scenarios that do one thing, and must pass without any loss."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable

from tests.simulation.robustness.faults.failing_over import fail_over
from tests.simulation.robustness.faults.fault_kinds import FAULTS
from tests.simulation.robustness.faults.restoring import back_up_and_restore
from tests.simulation.robustness.faults.rolling_upgrade import upgrade_fleet
from tests.simulation.robustness.faults.two_nodes import two_nodes
from tests.simulation.robustness.history import now
from tests.simulation.robustness.load.planned_load import under_load
from tests.simulation.robustness.schedule import BACKUP, CONDUCTORS, FAILOVER, GALERA, UPGRADE, Planned
from tests.simulation.robustness.stage import Stage
from tests.simulation.robustness.truth import Target, Weather
from tests.support.timing.waiting import until

INTERVAL_S = 10.0
_STEADY_S = 5.0
_WHOLE_S = 60.0
_RETURN_S = 60.0
_FEW = 200


async def _each_conductor(stage: Stage, number: signal.Signals) -> None:
    """End one after the other; the next one when the previous one serves again."""
    async with under_load(stage):
        for name in CONDUCTORS:
            pid = stage.world.signal(name, number)
            stage.history.note("fault", number=0, fault=number.name, victim=name, for_s=0)
            await until(lambda name=name, pid=pid: stage.world.pid(name) != pid, _WHOLE_S)  # type: ignore[misc]  # bound now
            await stage.world.until_whole()
            await asyncio.sleep(_STEADY_S)


async def kill_each(stage: Stage, size: int) -> None:  # noqa: ARG001 - one signature for all
    """Kill any one conductor of three with SIGKILL."""
    await _each_conductor(stage, signal.SIGKILL)


async def rolling_restart(stage: Stage, size: int) -> None:  # noqa: ARG001 - one signature for all
    """Restart all conductors, one after the other."""
    await _each_conductor(stage, signal.SIGTERM)


def _many(count: int) -> list[Target]:
    return [Target(f"127.1.{n // 250}.{n % 250 + 1}", "PING", "switched") for n in range(count)]


async def all_dark(stage: Stage, size: int) -> None:
    """Let some thousand VIMs go dark at one instant."""
    chosen = _many(size)
    weather = Weather(stage.machine, [], stage.history, stage.random("weather"))
    probed = await stage.register_targets(chosen, INTERVAL_S)
    wrong = await stage.until_said(dict.fromkeys(probed, "REACHABLE"), 6 * INTERVAL_S)
    assert not wrong, f"before anything went dark: {wrong[:5]}"
    await weather.switch([target.address for target in chosen], up=False)
    stage.history.note("dark", count=size)
    for left in await stage.until_said(dict.fromkeys(probed, "UNREACHABLE"), 6 * INTERVAL_S):
        stage.history.note("unfinished", what=left)
    stage.history.note("seen-dark")
    await stage.take_down_what_is_left()


async def away(stage: Stage, size: int) -> None:
    """Take all conductors away for this many seconds, while monitors continue to probe."""
    chosen = _many(_FEW)
    probed = await stage.register_targets(chosen, INTERVAL_S)
    wanted = dict.fromkeys(probed, "REACHABLE")
    assert not await stage.until_said(wanted, 3 * INTERVAL_S)
    planned = Planned(1, 0, "away", "conductors", size)
    stage.history.note("fault", number=1, fault="away", victim="conductors", for_s=size)
    async with FAULTS["away"](stage.world, planned):
        await asyncio.sleep(size)
    began = now()
    await stage.world.until_whole()
    stage.history.note("returned", after_s=round(now() - began, 2))
    for left in await stage.until_said(wanted, _RETURN_S):
        stage.history.note("unfinished", what=left)
    stage.history.note("reported")
    await stage.note_finals()
    await stage.take_down_what_is_left()


SCENARIOS: dict[str, tuple[Callable[[Stage, int], Awaitable[None]], int]] = {
    "kill": (kill_each, 0),
    "rolling": (rolling_restart, 0),
    "dark": (all_dark, 10_000),
    "away": (away, 600),
    GALERA: (two_nodes, 2_000),
    FAILOVER: (fail_over, 6),
    UPGRADE: (upgrade_fleet, 200),
    BACKUP: (back_up_and_restore, 2),
}
"""What to do, and the default number of VIMs, seconds, rounds, fail-overs or restores."""
