"""Monitors whose leases have ended are removed, but not after an outage of ours (G10)."""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from sqlalchemy import update

from tests.support.sql.stores import sqlite_url, store_at
from vimesh.conductor.pool.pool_upkeep import PoolLimits, PoolUpkeep
from vimesh.conductor.watches.event_feed import EventFeed
from vimesh.domain.pool.pool_members import DEFAULT_VANTAGE, MEMBER_LEASE_S, PoolPlace
from vimesh.store.schema.pool_tables import monitors
from vimesh.store.schema.timestamps import micros
from vimesh.store.sql_store import SqlStore

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


async def test_a_broken_watch_is_put_on_record_and_the_others_take_over(store: SqlStore) -> None:
    upkeep = PoolUpkeep(store.pool, EventFeed(store), PoolLimits(return_s=3600))
    before = (await store.pool.list_monitors())[1 if DEAD < ALIVE else 0]

    upkeep.note_lost_watch(ALIVE, "watch")
    await upkeep.look()

    after = [each for each in await store.pool.list_monitors() if each.monitor_id == ALIVE]
    assert before.monitor_id == ALIVE
    assert after[0].lease_time < before.lease_time
