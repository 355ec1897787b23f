"""Monitors whose leases have ended are removed, but not after an outage of ours (G10)."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import AsyncGenerator, Collection
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import update

from tests.support.sql.stores import sqlite_url, store_at
from vimesh.conductor.pool.pool_share import Pool
from vimesh.conductor.pool.pool_upkeep import PoolLimits, PoolUpkeep
from vimesh.conductor.watches.event_feed import EventFeed
from vimesh.domain.pool.pool_members import MEMBER_LEASE_S, PoolPlace, PoolView
from vimesh.domain.views.vantages import DEFAULT_VANTAGE
from vimesh.store.pool.sql_pool_store import SqlPoolStore
from vimesh.store.schema.pool_tables import monitors
from vimesh.store.schema.timestamps import micros
from vimesh.store.sql_store import SqlStore
from vimesh.store.transactions.database import Database

DEAD, ALIVE = (str(uuid.uuid4()) for _ in range(2))


@pytest.fixture
async def store(tmp_path: Path) -> AsyncGenerator[SqlStore]:
    """The store with two monitors, of which the lease of one has ended."""
    async with store_at(sqlite_url(tmp_path / "vimesh.sqlite")) as opened:
        for monitor_id in (DEAD, ALIVE):
            await opened.pool.join(monitor_id, PoolPlace(), "", "watch")
        older = update(monitors).where(monitors.c.id == DEAD)
        shift = older.values(lease_until=monitors.c.lease_until - micros(MEMBER_LEASE_S))
        await opened._database.write(lambda connection: connection.execute(shift))
        yield opened


async def test_one_whose_lease_has_ended_is_removed(store: SqlStore) -> None:
    upkeep = PoolUpkeep(store.pool, EventFeed(store), PoolLimits(return_s=0))

    await upkeep.look()

    assert [each.monitor_id for each in upkeep.assignment(DEFAULT_VANTAGE).members] == [ALIVE]
    assert (upkeep.removed, upkeep.sizes) == (1, {DEFAULT_VANTAGE: 1})


async def test_a_conductor_that_has_just_begun_removes_nobody(store: SqlStore) -> None:
    """The database, or all conductors, may have been away: those that live are about to come back."""
    upkeep = PoolUpkeep(store.pool, EventFeed(store), PoolLimits(return_s=3600))

    for _ in range(2):
        await upkeep.look()

    assert (upkeep.removed, upkeep.sizes) == (0, {DEFAULT_VANTAGE: 2})


class LaterStore(SqlPoolStore):
    """The store of the pool, with a clock that only goes forward when it is put forward."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.later_s = 0.0
        self._began: dt.datetime | None = None

    async def view(self) -> PoolView:
        seen = await super().view()
        self._began = self._began or seen.time
        return replace(seen, time=self._began + dt.timedelta(seconds=self.later_s))

    async def remove_lapsed(self, until: dt.datetime, vantages: Collection[str]) -> int:
        return await super().remove_lapsed(until - dt.timedelta(seconds=self.later_s), vantages)


@pytest.mark.parametrize(("are_lost", "removed"), [(False, 1), (True, 0)])
async def test_when_all_watches_break_those_that_live_may_come_back_first(
    store: SqlStore, *, are_lost: bool, removed: int
) -> None:
    """It may be the front that is away: nobody is removed because he was not the first one to come back."""
    later = LaterStore(store._database)
    upkeep = PoolUpkeep(later, EventFeed(store), PoolLimits(return_s=8.0))
    for later.later_s in (0.0, 4.0):
        await upkeep.look()

    if are_lost:
        upkeep.hold_off(DEFAULT_VANTAGE)
    later.later_s = 8.5
    await upkeep.look()

    assert upkeep.removed == removed


async def test_a_broken_watch_is_put_on_record_and_the_others_take_over(store: SqlStore) -> None:
    upkeep = PoolUpkeep(store.pool, EventFeed(store), PoolLimits(return_s=3600))
    before = (await store.pool.list_monitors())[1 if DEAD < ALIVE else 0]

    upkeep.note_lost_watch(ALIVE, "watch")
    await upkeep.look()

    after = [each for each in await store.pool.list_monitors() if each.monitor_id == ALIVE]
    assert before.monitor_id == ALIVE
    assert after[0].lease_time < before.lease_time


class TwoVantages:
    """Two monitors in each of two vantages, followed by a conductor in the time of the test."""

    def __init__(self, store: SqlStore) -> None:
        self._database = store._database
        self._clock = LaterStore(self._database)
        limits = PoolLimits(return_s=8.0)
        self.upkeep = PoolUpkeep(self._clock, EventFeed(store), limits)
        self._pool = Pool(self._clock, self.upkeep, limits, lambda: self._clock.later_s)
        self.ids = {name: str(uuid.uuid4()) for name in ("eu-1", "eu-2", "us-1", "us-2")}

    async def watch(self, watches: AsyncExitStack, *names: str) -> None:
        for name in names:
            await watches.enter_async_context(self._pool.watching(self.ids[name], PoolPlace(name[:2]), ""))

    async def end_leases(self, *names: str) -> None:
        ended = update(monitors).where(monitors.c.id.in_([self.ids[name] for name in names])).values(lease_until=0)
        await self._database.write(lambda connection: connection.execute(ended))

    async def look_until(self, second: int) -> None:
        while self._clock.later_s < second:
            self._clock.later_s += 1
            await self.upkeep.look()

    def present(self, vantage: str) -> set[str]:
        found = {each.monitor_id for each in self.upkeep.assignment(vantage).members}
        return {name for name, monitor_id in self.ids.items() if monitor_id in found}


@pytest.fixture
async def empty_store(tmp_path: Path) -> AsyncGenerator[SqlStore]:
    async with store_at(sqlite_url(tmp_path / "empty.sqlite")) as opened:
        yield opened


async def test_a_vantage_that_is_cut_off_stays_while_another_one_lives(empty_store: SqlStore) -> None:
    """Its monitors still probe: the first one to return must not get what all of them run."""
    fleet = TwoVantages(empty_store)
    async with AsyncExitStack() as watches:
        await fleet.watch(watches, *fleet.ids)
        await fleet.look_until(20)
        await fleet.end_leases("eu-1", "eu-2", "us-2")
        await fleet.look_until(40)
        assert (fleet.present("eu"), fleet.present("us")) == ({"eu-1", "eu-2"}, {"us-1"})

        await fleet.watch(watches, "eu-1")
        await fleet.look_until(46)
        assert fleet.present("eu") == {"eu-1", "eu-2"}

        await fleet.look_until(50)
        assert (fleet.present("eu"), fleet.present("us"), fleet.upkeep.removed) == ({"eu-1"}, {"us-1"}, 2)


async def test_a_watch_of_one_vantage_hides_no_loss_of_all_those_of_another(empty_store: SqlStore) -> None:
    fleet = TwoVantages(empty_store)
    async with AsyncExitStack() as watches:
        await fleet.watch(watches, "us-1", "us-2")
        async with AsyncExitStack() as of_eu:
            await fleet.watch(of_eu, "eu-1", "eu-2")
            await fleet.look_until(20)
        # One has returned by another conductor before the lease of the other one ends.
        await empty_store.pool.join(fleet.ids["eu-1"], PoolPlace("eu"), "", "another watch")
        await fleet.end_leases("eu-2", "us-2")
        await fleet.look_until(26)
        assert (fleet.present("eu"), fleet.present("us")) == ({"eu-1", "eu-2"}, {"us-1"})

        await fleet.look_until(30)
        assert fleet.present("eu") == {"eu-1"}
