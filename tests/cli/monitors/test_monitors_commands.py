"""`vimesh monitors` shows who shares the VIMs, and lets one of them leave its own to the others."""

from __future__ import annotations

import uuid

from tests.support.callers.commands import AsyncUser
from vimesh.domain.fleet.process_announcements import Announcement, ProcessKind
from vimesh.domain.pool.pool_members import PoolPlace
from vimesh.store.sql_store import SqlStore

IDENTITY = "spiffe://vimesh/monitor/m1"


async def announced_monitor(store: SqlStore, capacity: int) -> str:
    """Take a monitor in that watches and has made itself known, as `vimesh monitor` does; return its id."""
    monitor_id, place = str(uuid.uuid4()), PoolPlace(capacity=capacity)
    await store.pool.join(monitor_id, place, IDENTITY, "watch")
    facts = {"actions": "7", "capacity": str(capacity)}
    said = Announcement(monitor_id, ProcessKind.MONITOR, "host-a", 42, "1.2", 10.0, 0.0, facts, place)
    await store.announce_process(said, IDENTITY)
    return monitor_id


async def states(user: AsyncUser) -> dict[str, str]:
    ended = await user("monitors", "list", "--no-headers", "-c", "ID", "-c", "STATE")
    assert ended.code == 0, ended.err
    return dict(line.split() for line in ended.out.splitlines())


async def test_the_monitors_are_listed_with_what_they_do(user: AsyncUser, store: SqlStore) -> None:
    monitor_id = await announced_monitor(store, capacity=2)

    table = await user("monitors", "list")
    [shown] = (await user("monitors", "list", "-o", "json")).json

    titles, row = table.out.splitlines()
    assert titles.split() == ["ID", "HOST", "PID", "STATE", "CAPACITY", "ACTIONS", "JOINED"]
    assert row.split()[:6] == [monitor_id, "host-a", "42", "ACTIVE", "2", "7"]
    assert (shown["monitor_id"], shown["identity"], shown["vantage"]) == (monitor_id, IDENTITY, "default")


async def test_a_monitor_drains_until_that_is_undone(user: AsyncUser, store: SqlStore) -> None:
    first, second = [await announced_monitor(store, capacity=1) for _ in range(2)]

    drained = await user("monitors", "drain", first)
    assert (drained.code, drained.out) == (0, f"monitor {first} leaves its VIMs to others\n")
    assert await states(user) == {first: "DRAINING", second: "ACTIVE"}

    undone = await user("monitors", "drain", first, "--undo")
    assert (undone.code, undone.out) == (0, f"monitor {first} gets VIMs again\n")
    assert await states(user) == {first: "ACTIVE", second: "ACTIVE"}


async def test_a_monitor_that_is_not_there_is_named(user: AsyncUser) -> None:
    ended = await user("monitors", "drain", unknown := str(uuid.uuid4()))

    assert ended.code != 0
    assert f"no monitor of the pool has the id {unknown}" in ended.err
    assert ended.out == ""
