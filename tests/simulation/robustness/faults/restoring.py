"""Backs up the database of a fleet at work, and restores it while callers, watchers and monitors go on."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

from tests.simulation.robustness.faults.fault_kinds import FAULTS
from tests.simulation.robustness.history import now
from tests.simulation.robustness.load.planned_load import under_load
from tests.simulation.robustness.schedule import CONDUCTORS, Planned
from tests.simulation.robustness.stage import Stage, at_once
from tests.simulation.robustness.truth import Target, Weather, policy
from tests.support.callers.commands import VIMESH, clean_environment
from tests.support.sql.stores import record, registration, report, store_at
from tests.support.timing.waiting import until
from vimesh.domain.vims import Engine, Status

_INTERVAL_S = 2.0
_PAUSE_S = 0.25
_PROBED = 120
_LATE = 20
_GROWN = 50
_LEASE_S = 3600.0
_LIMIT_S = 60.0
_STATUSES = (Status.REACHABLE, Status.UNREACHABLE)


async def back_up_and_restore(stage: Stage, size: int) -> None:
    """Restore a backup `size` times; every second time, the log grows past what watchers saw before they are back."""
    targets = [Target(f"127.1.0.{n + 1}", "PING", "switched") for n in range(_PROBED)]
    probed = await stage.register_targets(targets, _INTERVAL_S)
    restores = Restores(stage, probed, Weather(stage.machine, [], stage.history, stage.random("weather")))
    async with under_load(stage, pause_s=_PAUSE_S):
        for number in range(size):
            await restores.play(number)
        await restores.agree()


class Restores:
    """Some VIMs change in each way that a backup does not know of, and become what they are after it."""

    def __init__(self, stage: Stage, probed: Mapping[str, str], weather: Weather) -> None:
        """`probed`: addresses by id of their VIM."""
        self._stage = stage
        self._probed = probed
        self._weather = weather
        addresses = [*probed.values()]
        self._dark, self._passing, self._later = (addresses[first::4] for first in (1, 2, 3))

    async def play(self, number: int) -> None:
        await self.agree()
        copy = await self._back_up(number)
        gone = await self._change_what_the_copy_has(number)
        await self._weather.switch([*self._dark, *self._passing], up=False)
        await self.agree(without=gone)
        self._stage.history.note("fault", number=number, fault="restore", victim="database", for_s=0)
        stopped = Planned(number, 0, "stop", "conductors", 0)
        async with FAULTS["stop"](self._stage.world, stopped):
            await until(lambda: not any(map(self._stage.world.pid, CONDUCTORS)), _LIMIT_S)
            await self._weather.switch(self._passing, up=True)
            await self._weather.switch(self._later, up=False)
            await self._restore(copy)
            if number % 2:
                await self._grow()
        began = now()
        await self._stage.world.until_whole()
        self._stage.history.note("returned", after_s=round(now() - began, 2))
        await self.agree()
        self._stage.history.note("reported")
        await self._weather.switch([*self._dark, *self._later], up=True)

    async def agree(self, *, without: str = "") -> None:
        """Wait until all that is probed reads as it is; record what does not."""
        wanted = {
            vim: "REACHABLE" if self._weather.is_up(address) else "UNREACHABLE"
            for vim, address in self._probed.items()
            if vim != without
        }
        for left in await self._stage.until_said(wanted, _LIMIT_S):
            self._stage.history.note("unfinished", what=left)

    async def _change_what_the_copy_has(self, number: int) -> str:
        """Register VIMs, and deregister one; return its id."""
        client = self._stage.client
        asked = policy("PING", _INTERVAL_S)
        late = await at_once(
            lambda n: client.register(name=f"late-{number}-{n}", auth_url="http://127.2.0.1:1/", probe_policy=asked),
            range(_LATE),
        )
        self._stage.history.note("late", vims=[vim.id for vim in late])
        gone = next(iter(self._probed))
        await client.deregister(gone)
        return gone

    async def _back_up(self, number: int) -> Path:
        copy = self._stage.history.path.with_name(f"copy-{number}")
        began = now()
        await self._typed("backup", copy)
        self._stage.history.note("backup", began=round(began, 4), size_bytes=copy.stat().st_size)
        return copy

    async def _restore(self, copy: Path) -> None:
        began = now()
        await self._typed("restore", copy, "--force")
        self._stage.history.note("restored", began=round(began, 4))

    async def _typed(self, command: str, *words: str | Path) -> None:
        """Type a command of `vimesh db`. Servers may take a moment to close the connections of processes that ended."""
        async with asyncio.timeout(_LIMIT_S):
            while True:
                process = await asyncio.create_subprocess_exec(
                    *(*VIMESH, "db", command, *map(str, words)),
                    env=clean_environment(VIMESH_DATABASE_URL=self._stage.world.backing.url),
                    stdout=asyncio.subprocess.PIPE,
                    stderr=asyncio.subprocess.STDOUT,
                )
                said, _ = await process.communicate()
                if process.returncode == 0:
                    return
                assert b"other connections use the database" in said, said.decode()

    async def _grow(self) -> None:
        """Let the restored log have other changes at the revisions that watchers would go on with."""
        seen = max(watcher.next for watcher in self._stage.watchers)
        async with store_at(self._stage.world.backing.url) as store:
            vims = [await store.register(registration(engine=Engine.EXTERNAL)) for _ in range(_GROWN)]
            for vim in vims:
                self._stage.history.note("registered", vim=vim.id, name=vim.name)
            number = 0
            while (await store.span()).newest <= seen + _GROWN:
                number += 1
                reports = [report(vim, _STATUSES[number % 2], number) for vim in vims]
                await record(store, reports, contact_within_s=_LEASE_S)
