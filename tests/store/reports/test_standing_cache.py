"""What is known of standings is given up rather than believed when the log cannot prove it."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from tests.support.sql.stores import record, registration, report, sqlite_url, store_at
from tests.support.timing.waiting import until
from vimesh.domain.vims import BadAction, Modification, Outcome, Recorded, Status, Unchanged, Vim
from vimesh.store.reports.standing_cache import CachedStanding, LogPosition, StandingCache
from vimesh.store.sql_store import SqlStore


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "vimesh.sqlite"


@pytest.fixture
async def store(file: Path) -> AsyncGenerator[SqlStore]:
    async with store_at(sqlite_url(file)) as opened:
        yield opened


def held(action_id: str, lease_until: int = 100) -> CachedStanding:
    return CachedStanding(
        *(action_id, Status.REACHABLE, "", 1, True),
        number=2,
        engine="EMBEDDED",
        project_id="default",
        status_time=0,
        has_reported=True,
        lease_until=lease_until,
    )


def test_a_transaction_from_before_all_was_given_up_vouches_for_nothing() -> None:
    """G3: it did not look for changes that are new to what is known now."""
    cache = StandingCache()
    cache.absorb(LogPosition(cache.snapshot, newest=10, stamp=1, now=0, changed_vims=None), {})
    under_way = cache.snapshot

    cache.absorb(LogPosition(under_way, newest=8, stamp=1, now=0, changed_vims=None), {"vim": held("old")})
    cache.absorb(LogPosition(under_way, newest=10, stamp=1, now=0, changed_vims=frozenset()), {})

    assert cache.snapshot.revision == 8


def test_what_was_read_before_a_later_change_is_not_taken_in() -> None:
    cache = StandingCache()
    cache.absorb(LogPosition(cache.snapshot, newest=5, stamp=1, now=0, changed_vims=None), {})
    earlier = cache.snapshot
    cache.absorb(LogPosition(earlier, newest=9, stamp=1, now=0, changed_vims={"vim"}), {"vim": held("new")})

    cache.absorb(LogPosition(earlier, newest=7, stamp=1, now=0, changed_vims=frozenset()), {"vim": held("old")})

    assert cache.snapshot.revision == 9
    assert "vim" not in cache.snapshot.standings


def test_no_more_is_known_than_there_is_room_for() -> None:
    cache = StandingCache(max_standings=3)
    for number in range(5):
        cache.absorb(
            LogPosition(cache.snapshot, newest=1, stamp=1, now=0, changed_vims=frozenset()),
            {f"vim-{number}": held("a")},
        )
        cache.absorb(
            LogPosition(cache.snapshot, newest=1, stamp=1, now=0, changed_vims=frozenset()),
            {f"vim-{number}": held("a")},
        )

    assert list(cache.snapshot.standings) == ["vim-2", "vim-3", "vim-4"]


def test_when_the_clock_was_set_back_no_lease_is_believed() -> None:
    cache = StandingCache()
    cache.absorb(
        LogPosition(cache.snapshot, newest=1, stamp=1, now=100_000_000, changed_vims=frozenset()), {"vim": held("a")}
    )

    cache.absorb(LogPosition(cache.snapshot, newest=1, stamp=1, now=90_000_000, changed_vims=frozenset()), {})

    assert not cache.snapshot.standings


async def test_a_log_that_was_restored_and_went_as_far_again_is_not_trusted(store: SqlStore, file: Path) -> None:
    """G3: the change at the revision up to which this store knows is another one."""
    vim = await store.register(registration())
    await record(store, [report(vim, Status.REACHABLE, 1)])
    backup = file.with_suffix(".backup")
    _copy(file, backup)
    moved = await store.modify(vim.id, Modification(auth_url="http://192.0.2.2/"))
    assert await record(store, [report(moved, Status.REACHABLE, 1)]) == [Recorded(Status.REACHABLE)]

    # Into the very file, as a server's database would be.
    _copy(backup, file)
    async with store_at(sqlite_url(file)) as other:
        for _ in range(3):
            await other.register(registration())

    assert await record(store, [report(moved, Status.REACHABLE, 1)]) == [BadAction()]
    assert await record(store, [report(vim, Status.REACHABLE, 1)]) == [Unchanged(Status.REACHABLE)]


async def test_who_reports_again_is_not_answered_before_what_it_said_first(store: SqlStore, file: Path) -> None:
    """An action that does not count, and did not wait for its answer."""
    vim = await store.register(registration())
    await record(store, [report(vim, Status.REACHABLE)])
    writer = sqlite3.connect(file, isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    first = asyncio.create_task(record(store, [report(vim, Status.UNREACHABLE)]))
    second = asyncio.create_task(_after(first, store, vim))
    await asyncio.wait([second], timeout=0.2)
    assert not second.done()
    writer.execute("ROLLBACK")
    writer.close()

    assert await second == [Recorded(Status.REACHABLE)]
    assert (await store.get(vim.id)).status is Status.REACHABLE


async def _after(first: asyncio.Task[list[Outcome]], store: SqlStore, vim: Vim) -> list[Outcome]:
    await until(lambda: bool(store._reports._vims_in_write), within_s=10)
    first.cancel()
    return await record(store, [report(vim, Status.REACHABLE)])


def _copy(source: Path, target: Path) -> None:
    here, there = sqlite3.connect(source), sqlite3.connect(target)
    try:
        here.backup(there)
    finally:
        here.close()
        there.close()
