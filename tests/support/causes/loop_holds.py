"""Measures for how long the search for causes holds the loop of a conductor, with the real code on SQLite.

`python -m tests.support.causes.loop_holds --vims 100000` loses that many VIMs at once, and looks for their causes as a
conductor does. The loop would turn each 2 ms; the longest time between two turns is told as CPU time, so that other
programs on the machine count little.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvloop
from sqlalchemy import Connection, Table, insert, select, update

from tests.support.sql.stores import registration, sqlite_url, store_at
from vimesh.cli.commands.conductor import _SWITCH_INTERVAL_S
from vimesh.conductor.causes.cause_upkeep import CauseUpkeep
from vimesh.domain.access.caller import OPEN_CALLER
from vimesh.domain.pool.assignment import Assignment, Member
from vimesh.domain.views.vantages import DEFAULT_VANTAGE
from vimesh.domain.vims import Status, Vim
from vimesh.runtime.garbage_collection import collect_rarely
from vimesh.store.schema.tables import standings, vims
from vimesh.store.sql.sql_functions import NowMicros
from vimesh.store.sql_store import SqlStore

_TICK_S = 0.002


@dataclass
class LoopHolds:
    """Watches the loop in which it runs. Times are of the longest hold, in seconds."""

    loop_s: float = 0.0
    """CPU time of the loop's own thread."""
    process_s: float = 0.0
    """CPU time of all threads: the loop may wait for one that holds the interpreter, or only for the machine."""

    async def watch(self) -> None:
        """Watch until cancelled."""
        while True:
            before = time.thread_time(), time.process_time()
            await asyncio.sleep(_TICK_S)
            self.loop_s = max(self.loop_s, time.thread_time() - before[0])
            self.process_s = max(self.process_s, time.process_time() - before[1])


async def lose(store: SqlStore, count: int, *, is_one: bool) -> None:
    """Fill a new database with VIMs that were lost together, for one cause or several, and others that were not."""
    template = await store.register(registration(auth_url="https://192.0.2.1:5000/v3"))
    await store._database.write(lambda connection: _fill(connection, template, count, is_one=is_one))


def _fill(connection: Connection, template: Vim, count: int, *, is_one: bool) -> None:
    vim, standing = (dict(connection.execute(select(table)).mappings().one()) for table in (vims, standings))
    assert vim["id"] == standing["vim_id"] == template.id
    ids = [f"00000000-0000-4000-8000-{number:012}" for number in range(count * 5 // 4)]
    vim_rows = [
        {
            **vim,
            "id": vim_id,
            "name": f"vim-{number}",
            "auth_url": f"https://{_host(number, 172 if is_one and number >= count else 10)}:5000/v3",
            "labels": {"rack": f"r{number // 40}", "env": "prod"},
        }
        for number, vim_id in enumerate(ids)
    ]
    standing_rows = [
        {
            **standing,
            "number": standing["number"] + 1 + number,
            "vim_id": vim_id,
            "action_id": vim_id,
            "status": Status.UNREACHABLE if number < count else Status.REACHABLE,
            "reason": ("TIMEOUT", "HOST_UNREACHABLE")[number % 2] if number < count else "",
            "status_time": 0,
        }
        for number, vim_id in enumerate(ids)
    ]
    _insert(connection, vims, vim_rows)
    _insert(connection, standings, standing_rows)
    # At the end, because changes are looked at for a minute; the ages of 3 to 19 s are in no order.
    age = (standings.c.number * 7919 % 16_000 + 3000) * 1000
    lost = update(standings).where(standings.c.status == Status.UNREACHABLE)
    connection.execute(lost.values(status_time=NowMicros() - age))


def _host(number: int, network: int) -> str:
    return f"{network}.{number >> 16}.{number >> 8 & 255}.{number & 255}"


def _insert(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    for start in range(0, len(rows), 5000):
        connection.execute(insert(table), rows[start : start + 5000])


async def look(store: SqlStore) -> LoopHolds:
    """Find causes as a conductor does that has three monitors, and return how long its loop was held."""
    pool = Assignment([Member("m-1"), Member("m-2"), Member("m-3")])
    upkeep = CauseUpkeep(store.causes, lambda: {DEFAULT_VANTAGE: pool})
    holds = LoopHolds()
    watch = asyncio.create_task(holds.watch())
    await upkeep.look()
    watch.cancel()
    await asyncio.wait([watch])
    return holds


async def measure(count: int, *, is_one: bool) -> None:
    """Print how long the loop is held when so many VIMs are lost."""
    with tempfile.TemporaryDirectory() as folder:
        async with store_at(sqlite_url(Path(folder) / "vimesh.sqlite")) as store:
            await lose(store, count, is_one=is_one)
            begun_s = time.process_time()
            holds = await look(store)
            took_s = time.process_time() - begun_s
            causes = (await store.causes.list_causes(100, "", OPEN_CALLER, ended=False)).causes
    joined = sum(cause.vim_count for cause in causes)
    print(
        f"{count} lost, {len(causes)} causes of {joined}: {took_s:.1f} s of CPU; longest hold: "
        f"{1000 * holds.loop_s:.0f} ms of CPU in the loop, {1000 * holds.process_s:.0f} ms in all threads"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--vims", type=int, nargs="+", default=[20_000, 100_000])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--one", action="store_true", help="have one cause")
    flags = parser.parse_args()
    collect_rarely()
    sys.setswitchinterval(_SWITCH_INTERVAL_S)
    for vims_lost in flags.vims:
        for _ in range(flags.rounds):
            uvloop.run(measure(vims_lost, is_one=flags.one))
