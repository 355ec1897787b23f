"""python -m tests.simulation.notifications: what receivers get while processes are killed, or VIMs go dark or flap."""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Protocol

from tests.simulation.notifications import dark, flapping
from tests.simulation.notifications.run import Order, new_seed, run
from tests.support.callers.running import fleet
from tests.support.deployments.conductors import Client, client_at
from vimesh.domain.probing import ProbePolicy

_KILL, _DARK, _FLAPPING = "kill", "dark", "flapping"
_VIMS = {_KILL: 200, _DARK: 5000}
_MINUTE_S = 60.0
_PROBE_INTERVAL_S = ProbePolicy().interval_s
"""In this time, a monitor notices that VIMs are lost which are lost at the same moment."""


class _Result(Protocol):
    @property
    def faults(self) -> object:
        """What was wrong; empty if nothing was."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.notifications", description=__doc__)
    parser.add_argument("--scenario", choices=(_KILL, _DARK, _FLAPPING), default=_KILL)
    parser.add_argument("--changes", type=int, default=10_000, help="while processes are killed")
    parser.add_argument("--vims", type=int, help="by default 200 while processes are killed, and 5,000 that go dark")
    parser.add_argument("--per-s", type=float, default=40.0, help="changes in a second while processes are killed")
    parser.add_argument("--seed", type=int, default=new_seed(), help="of a run before, to play it again")
    given = parser.parse_args()
    vims = given.vims or _VIMS.get(given.scenario, 0)
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if given.scenario == _KILL:
            print(f"seed {given.seed}", flush=True)
            order = Order(given.seed, given.changes, vims, given.per_s, (4.0, 10.0), folder)
            result: _Result = asyncio.run(run(order))
        elif given.scenario == _DARK:
            darkness = dark.Darkness(vims, spread_s=_PROBE_INTERVAL_S)
            result = asyncio.run(_in_fleet(folder, partial(dark.play, darkness=darkness, folder=folder)))
        else:
            pass_minute = partial(asyncio.sleep, _MINUTE_S)
            result = asyncio.run(_in_fleet(folder, partial(flapping.play, pass_minute=pass_minute)))
    print(f"{result}\n{time.monotonic() - began:.0f} s")
    return 1 if result.faults else 0


async def _in_fleet(folder: Path, play: Callable[[Client], Awaitable[_Result]]) -> _Result:
    with fleet(folder, "--conductors", "1") as up:
        async with client_at(up.address) as client:
            return await play(client)


if __name__ == "__main__":
    sys.exit(main())
