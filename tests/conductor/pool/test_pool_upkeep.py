"""Monitors whose leases have ended are removed, but not after an outage of ours (G10)."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import AsyncGenerator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import update

from tests.support.sql.stores import sqlite_url, store_at
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
    """The store of the pool, with a clock that can be put forward."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.later_s = 0.0

    async def view(self) -> PoolView:
        seen = await super().view()
        return replace(seen, time=seen.time + dt.timedelta(seconds=self.later_s))


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
        upkeep.hold_off()
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
