"""What every database keeps of the pool of monitors."""

from __future__ import annotations

import uuid

import pytest
from sqlalchemy import update

from tests.support.sql.stores import registration
from vimesh.domain.actions import ActionScope
from vimesh.domain.errors import PermissionDenied
from vimesh.domain.fleet.process_announcements import Announcement, ProcessKind
from vimesh.domain.pool.assignment import Assignment, Member
from vimesh.domain.pool.pool_errors import MonitorNotFound, TooManyMonitors
from vimesh.domain.pool.pool_members import (
    LOST_WATCH_S,
    MAX_MONITORS,
    MEMBER_LEASE_S,
    RENEW_WITHIN_S,
    PoolMonitor,
    PoolPlace,
)
from vimesh.domain.vim_store import VimStore
from vimesh.domain.vims import Engine
from vimesh.store.schema.pool_tables import monitors
from vimesh.store.schema.timestamps import micros, micros_of
from vimesh.store.sql_store import SqlStore

MONITOR, OTHER = (str(uuid.UUID(int=number, version=4)) for number in (1, 2))
IDENTITY = "spiffe://vimesh/monitor/m1"
_LONG_S = 3600.0
"""More than any of these tests takes."""


def announcement(monitor_id: str, place: PoolPlace | None) -> Announcement:
    return Announcement(monitor_id, ProcessKind.MONITOR, "host-a", 7, "1.2", 10.0, 0.0, {"actions": "3"}, place)


async def elapse(store: VimStore, seconds: float) -> None:
    """Let the leases of all monitors grow older."""
    assert isinstance(store, SqlStore)
    shift = update(monitors).values(lease_until=monitors.c.lease_until - micros(seconds))
    await store._database.write(lambda connection: connection.execute(shift))


async def lease_left_s(store: VimStore, monitor_id: str) -> float:
    (monitor,) = [each for each in await store.pool.list_monitors() if each.monitor_id == monitor_id]
    return (monitor.lease_time - await store.clock()).total_seconds()


async def test_who_watches_is_a_member_until_it_ends(store: VimStore) -> None:
    await store.pool.join(MONITOR, PoolPlace(capacity=2), IDENTITY, "watch")
    await store.pool.join(OTHER, PoolPlace(), IDENTITY, "watch")
    view = await store.pool.view()
    await store.withdraw_process(MONITOR, IDENTITY)

    assert view.members == {"default": (Member(MONITOR, 2), Member(OTHER, 1))}
    assert (view.living, view.lapsed) == ({"default"}, set())
    assert (await store.pool.view()).members == {"default": (Member(OTHER, 1),)}


async def test_announcements_renew_the_lease_of_one_that_watches(store: VimStore) -> None:
    await store.pool.join(MONITOR, PoolPlace(), IDENTITY, "watch")
    await elapse(store, MEMBER_LEASE_S - 1)
    await store.announce_process(announcement(MONITOR, None), IDENTITY)
    assert await lease_left_s(store, MONITOR) <= 1

    await store.announce_process(announcement(MONITOR, PoolPlace(capacity=3)), IDENTITY)

    assert MEMBER_LEASE_S - 10 < await lease_left_s(store, MONITOR) <= MEMBER_LEASE_S
    [monitor] = await store.pool.list_monitors()
    assert (monitor.host, monitor.pid, monitor.version, monitor.actions, monitor.capacity) == ("host-a", 7, "1.2", 3, 3)


async def test_one_whose_lease_has_ended_is_removed_and_may_come_back(store: VimStore) -> None:
    await store.pool.join(MONITOR, PoolPlace(), IDENTITY, "watch")
    await elapse(store, MEMBER_LEASE_S + 1)
    await store.pool.join(OTHER, PoolPlace(), IDENTITY, "watch")
    lapsed = await store.pool.view()
    removed = await store.pool.remove_lapsed(lapsed.time, {"default"})
    await store.announce_process(announcement(MONITOR, PoolPlace()), IDENTITY)

    # Until it is removed, it is a member: no two conductors may see it differently.
    assert (lapsed.living, lapsed.lapsed, len(lapsed.members["default"])) == ({"default"}, {"default"}, 2)
    assert removed == 1
    assert (await store.pool.view()).members == {"default": (Member(MONITOR), Member(OTHER))}


async def test_who_lived_when_the_pool_was_looked_at_is_not_removed(store: VimStore) -> None:
    """The write may have waited while leases ended: if nobody lives, nobody is to be removed."""
    await store.pool.join(MONITOR, PoolPlace(), IDENTITY, "watch")
    seen = (await store.pool.view()).time
    ends = update(monitors).values(lease_until=micros_of(seen) + 1)
    assert isinstance(store, SqlStore)
    await store._database.write(lambda connection: connection.execute(ends))

    assert await store.pool.remove_lapsed(seen, {"default"}) == 0
    assert await store.pool.remove_lapsed((await store.pool.view()).time, {"default"}) == 1


async def test_each_vantage_has_its_own_that_live_and_that_are_removed(store: VimStore) -> None:
    await store.pool.join(MONITOR, PoolPlace("eu"), IDENTITY, "watch")
    await elapse(store, MEMBER_LEASE_S + 1)
    await store.pool.join(OTHER, PoolPlace("us"), IDENTITY, "watch")
    view = await store.pool.view()

    assert (view.living, view.lapsed) == ({"us"}, {"eu"})
    assert await store.pool.remove_lapsed(view.time, {"us"}) == 0
    assert await store.pool.remove_lapsed(view.time, {"eu", "us"}) == 1
    assert (await store.pool.view()).members == {"us": (Member(OTHER),)}


async def test_none_of_those_that_lost_contact_together_lives_when_the_first_lease_ends(store: VimStore) -> None:
    await store.pool.join(MONITOR, PoolPlace(), IDENTITY, "watch")
    await elapse(store, RENEW_WITHIN_S)
    await store.pool.join(OTHER, PoolPlace(), IDENTITY, "watch")
    before = await store.pool.view()
    await elapse(store, MEMBER_LEASE_S - RENEW_WITHIN_S)
    view = await store.pool.view()

    assert (before.living, before.lapsed) == ({"default"}, set())
    assert (view.living, view.lapsed) == (set(), {"default"})


async def test_one_that_comes_back_is_told_from_one_that_never_left(store: VimStore) -> None:
    await store.pool.join(MONITOR, PoolPlace(), IDENTITY, "watch")
    before = Assignment((await store.pool.view()).members["default"])
    await store.pool.join(MONITOR, PoolPlace(), IDENTITY, "other watch")
    renewed = Assignment((await store.pool.view()).members["default"])
    await store.withdraw_process(MONITOR, IDENTITY)
    await store.pool.join(MONITOR, PoolPlace(), IDENTITY, "watch")
    after = Assignment((await store.pool.view()).members["default"])

    assert renewed.version == before.version != after.version


async def test_a_lost_watch_shortens_the_lease_unless_there_is_another_one(store: VimStore) -> None:
    await store.pool.join(MONITOR, PoolPlace(), IDENTITY, "first")
    await store.pool.join(MONITOR, PoolPlace(), IDENTITY, "second")

    await store.pool.note_lost_watch(MONITOR, "first")
    assert await lease_left_s(store, MONITOR) > LOST_WATCH_S
    await store.pool.note_lost_watch(MONITOR, "second")
    assert await lease_left_s(store, MONITOR) <= LOST_WATCH_S


async def test_draining_survives_a_renewal(store: VimStore) -> None:
    await store.pool.join(MONITOR, PoolPlace(), IDENTITY, "watch")
    drained = await store.pool.drain(MONITOR, draining=True)
    await store.pool.join(MONITOR, PoolPlace(), IDENTITY, "watch")

    assert isinstance(drained, PoolMonitor)
    assert drained.draining
    assert (await store.pool.view()).members == {"default": (Member(MONITOR, draining=True),)}
    assert not (await store.pool.drain(MONITOR, draining=False)).draining
    with pytest.raises(MonitorNotFound):
        await store.pool.drain(OTHER, draining=True)


async def test_a_monitor_belongs_to_its_identity(store: VimStore) -> None:
    await store.pool.join(MONITOR, PoolPlace(), IDENTITY, "watch")

    with pytest.raises(PermissionDenied):
        await store.pool.join(MONITOR, PoolPlace(capacity=1000), "spiffe://vimesh/monitor/m2", "watch")
    with pytest.raises(PermissionDenied):
        await store.announce_process(announcement(MONITOR, PoolPlace()), "spiffe://vimesh/monitor/m2")
    await store.withdraw_process(MONITOR, "spiffe://vimesh/monitor/m2")

    assert (await store.pool.view()).members == {"default": (Member(MONITOR),)}


async def test_the_pool_is_bounded_by_monitors_that_live(store: VimStore) -> None:
    for _ in range(MAX_MONITORS):
        await store.pool.join(str(uuid.uuid4()), PoolPlace(), "", "watch")
    await elapse(store, -_LONG_S)  # however long that took, all of them live

    with pytest.raises(TooManyMonitors):
        await store.pool.join(MONITOR, PoolPlace(), "", "watch")
    await elapse(store, _LONG_S + MEMBER_LEASE_S + 1)
    await store.pool.join(MONITOR, PoolPlace(), "", "watch")

    assert (await store.pool.view()).members == {"default": (Member(MONITOR),)}


async def test_wanted_actions_are_listed_in_the_order_of_their_vims(store: VimStore) -> None:
    vims = [await store.register(registration(name=f"vim-{number}")) for number in range(5)]
    await store.register(registration(name="elsewhere", engine=Engine.MISTRAL))
    scope = ActionScope(Engine.EMBEDDED)

    first = await store.pool.wanted_after(scope, "", 3)
    second = await store.pool.wanted_after(scope, first[-1][0], 3)

    assert [*first, *second] == sorted((vim.id, vim.monitor.action_id) for vim in vims)
    assert await store.pool.wanted_after(scope, second[-1][0], 3) == []
