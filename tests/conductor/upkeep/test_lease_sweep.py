"""How often a conductor looks for silences."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from tests.support.sql.stores import sqlite_url, store_at
from vimesh.conductor.reports.contact_pace import ContactPace
from vimesh.conductor.upkeep.lease_sweep import LeaseSweep, SweepLimits
from vimesh.conductor.watches.event_feed import EventFeed
from vimesh.runtime.background import beside


async def test_the_clock_is_read_at_each_look_and_all_leases_seldom(tmp_path: Path) -> None:
    """G7: a vigil with gaps would begin anew for ever. At the slowest pace, all leases are read every three seconds."""
    asked: Counter[str] = Counter()
    often = asyncio.Event()

    def counted(name: str, call: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def counts(*arguments: object) -> Any:  # noqa: ANN401 - as the store answers
            asked[name] += 1
            if asked["clock"] == 20:
                often.set()
            return await call(*arguments)

        return counts

    async with store_at(sqlite_url(tmp_path / "vimesh.sqlite")) as store:
        for name in ("clock", "record_lapses"):
            setattr(store, name, counted(name, getattr(store, name)))
        # Before it has counted the VIMs, it is the slowest.
        pacing = ContactPace(store, floor_s=10, budget_per_s=1000)
        sweep = LeaseSweep(store, EventFeed(store), pacing, SweepLimits(period_s=0.01))
        async with beside(sweep.run()), asyncio.timeout(10):
            await often.wait()

    assert asked["record_lapses"] == 1
