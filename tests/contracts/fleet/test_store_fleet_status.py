"""What every VimStore says of the fleet at one look."""

from __future__ import annotations

import uuid
from collections import Counter
from dataclasses import replace

import pytest
from sqlalchemy import update

from tests.support.sql.stores import elapse, record, registration, report
from vimesh.domain.errors import PermissionDenied
from vimesh.domain.fleet.fleet_status import FleetStatus
from vimesh.domain.fleet.process_announcements import (
    FORGET_AFTER_S,
    MAX_OF_IDENTITY,
    MISSING_AFTER_S,
    Announcement,
    FleetProcess,
    ProcessKind,
)
from vimesh.domain.leases import START_GRACE_S
from vimesh.domain.queries import MAX_PAGE_SIZE, VimQuery
from vimesh.domain.retention import Retention
from vimesh.domain.todos import TodoKind
from vimesh.domain.vim_store import VimStore
from vimesh.domain.vims import Engine, Status
from vimesh.store.schema.tables import events, processes
from vimesh.store.schema.timestamps import micros
from vimesh.store.sql_store import SqlStore

MONITOR = "spiffe://vimesh/monitor/m1"
OTHER = "spiffe://vimesh/monitor/m2"


def announcement(**fields: object) -> Announcement:
    plain = Announcement(str(uuid.uuid4()), ProcessKind.MONITOR, "host-a", 7, "1.2", 10.0, 0.25, {"actions": "3"})
    return replace(plain, **fields)  # type: ignore[arg-type]  # fields by name


async def look(store: VimStore, *projects: str) -> FleetStatus:
    return await store.fleet_status(projects or None, whole=not projects)


async def processes_of(store: VimStore) -> list[FleetProcess]:
    whole = (await look(store)).whole
    assert whole is not None
    return list(whole.processes)


async def unheard(store: VimStore, seconds: float) -> None:
    """Let time pass without a word of any process."""
    assert isinstance(store, SqlStore)
    shift = update(processes).values(seen_time=processes.c.seen_time - micros(seconds))
    await store._database.write(lambda connection: connection.execute(shift))


async def test_vims_are_counted_by_what_they_read_now(store: VimStore) -> None:
    """G6: also those whose lease has ended, before that is on record."""
    vims = [await store.register(registration()) for _ in range(6)]
    await record(store, [report(vim) for vim in vims[:4]], contact_within_s=5.0)
    await record(store, [report(vims[4], Status.UNREACHABLE, reason="TIMEOUT")], contact_within_s=60.0)

    status = await look(store)
    assert (status.total, status.unwatched) == (6, 0)
    assert [status.with_status(each) for each in Status] == [1, 4, 1, 0]

    await elapse(store, 16.0)
    status = await look(store)
    assert [status.with_status(each) for each in Status] == [1, 0, 1, 4]
    assert status.unwatched == 4
    assert [trouble.reason for trouble in status.troubles] == ["VIMS_UNWATCHED", "NO_MONITOR"]
    assert await store.record_lapses(10) == 4
    assert [(await look(store)).with_status(each) for each in Status] == [1, 0, 1, 4]


async def test_counts_agree_with_lists(store: VimStore) -> None:
    vims = [await store.register(registration(engine=engine)) for engine in Engine for _ in range(3)]
    await record(store, [report(vim, status) for vim, status in zip(vims, [*Status][1:] * 2, strict=False)])

    listed = await store.list_vims(VimQuery(page_size=MAX_PAGE_SIZE))
    by_list = Counter((vim.status, vim.monitor.engine) for vim in listed.vims)
    status = await look(store)
    assert Counter({(count.status, count.engine): count.count for count in status.vims}) == by_list


async def test_an_action_is_unwatched_once_its_time_has_run_out(store: VimStore) -> None:
    await store.register(registration())
    assert (await look(store)).unwatched == 0

    await elapse(store, START_GRACE_S + 1)
    assert (await look(store)).unwatched == 1
    assert await store.replace_silent(10) == 1
    # Another action gets its time, and the VIM is still without contact.
    assert (await look(store)).unwatched == 1

    [vim] = (await store.list_vims(VimQuery(page_size=10))).vims
    await record(store, [report(vim)])
    assert (await look(store)).unwatched == 0


async def test_only_the_vims_of_the_projects_are_counted(store: VimStore) -> None:
    for project in ("a", "a", "b"):
        await store.register(registration(project_id=project))

    assert [(await look(store, *projects)).total for projects in (("a",), ("b",), ("a", "b"), ("c",), ())] == [
        *(2, 1, 3, 0, 3),
    ]
    assert (await look(store, "a")).whole is None


async def test_a_process_is_known_by_what_it_said_last(store: VimStore) -> None:
    said = announcement()
    await store.announce_process(said, MONITOR)
    [first] = await processes_of(store)
    await store.announce_process(replace(said, loop_lag_s=2.0, facts={"actions": "4"}, uptime_s=99.0), MONITOR)
    [second] = await processes_of(store)

    assert (first.process_id, first.kind, first.host, first.pid) == (said.process_id, ProcessKind.MONITOR, "host-a", 7)
    assert (first.version, first.identity, first.loop_lag_s, first.facts) == ("1.2", MONITOR, 0.25, {"actions": "3"})
    assert (first.seen_time - first.start_time).total_seconds() == pytest.approx(10.0, abs=0.002)
    assert (second.start_time, second.loop_lag_s, second.facts) == (first.start_time, 2.0, {"actions": "4"})
    assert second.seen_time >= first.seen_time


async def test_a_kind_of_a_later_version_is_left_out(store: SqlStore) -> None:
    later, known = announcement(), announcement()
    for said in (later, known):
        await store.announce_process(said, MONITOR)
    renamed = update(processes).where(processes.c.id == later.process_id).values(kind="ORACLE")
    await store._database.write(lambda connection: connection.execute(renamed))

    assert [process.process_id for process in await processes_of(store)] == [known.process_id]


async def test_a_process_belongs_to_the_identity_that_announced_it(store: VimStore) -> None:
    said = announcement()
    await store.announce_process(said, MONITOR)

    with pytest.raises(PermissionDenied):
        await store.announce_process(replace(said, host="elsewhere"), OTHER)
    await store.withdraw_process(said.process_id, OTHER)
    assert [one.host for one in await processes_of(store)] == ["host-a"]

    await store.withdraw_process(said.process_id, MONITOR)
    assert await processes_of(store) == []


async def test_a_process_that_falls_silent_is_missing_and_then_forgotten(store: VimStore) -> None:
    await store.announce_process(announcement(), MONITOR)
    await unheard(store, MISSING_AFTER_S + 1)
    [process] = await processes_of(store)
    assert process.missing
    assert [trouble.reason for trouble in (await look(store)).troubles] == ["PROCESS_MISSING"]

    await unheard(store, FORGET_AFTER_S)
    assert await processes_of(store) == []
    # Its row is removed by the next process that says something.
    await store.announce_process(announcement(host="host-b"), MONITOR)
    assert await rows_in(store) == 1


async def test_one_identity_shuts_out_only_processes_of_its_own(store: VimStore) -> None:
    await store.announce_process(announcement(host="mine"), MONITOR)
    await store.announce_process(announcement(host="theirs"), OTHER)
    await unheard(store, 5.0)
    for number in range(MAX_OF_IDENTITY):
        await store.announce_process(announcement(pid=number), OTHER)

    hosts = Counter(process.host for process in await processes_of(store))
    assert hosts == {"mine": 1, "host-a": MAX_OF_IDENTITY}


async def test_open_tasks_are_counted_with_the_age_of_the_oldest(store: VimStore) -> None:
    vim = await store.register(registration(engine=Engine.MISTRAL))
    await store.register(registration(engine=Engine.MISTRAL))
    assert isinstance(store, SqlStore)
    older = update(events).where(events.c.revision == vim.revision).values(time=events.c.time - micros(400.0))
    await store._database.write(lambda connection: connection.execute(older))

    status = await look(store)
    assert status.whole is not None
    [todos] = status.whole.todos
    assert (todos.kind, todos.count) == (TodoKind.START, 2)
    assert 400.0 <= todos.oldest_age_s < 460.0
    assert [trouble.reason for trouble in status.troubles] == ["TASKS_STUCK"]

    # Without its change, it is at least as old as the oldest change that is left.
    assert await store.compact(Retention(events=1), 10) > 0
    status = await look(store)
    assert status.whole is not None
    [todos] = status.whole.todos
    assert (todos.count, todos.oldest_age_s < 60.0) == (2, True)


async def test_the_database_says_what_it_is(store: VimStore, database_url: str) -> None:
    status = await look(store)
    assert status.whole is not None
    database = status.whole.database

    product = {"sqlite": "SQLite", "postgresql": "PostgreSQL", "mysql": "MariaDB", "mariadb": "MariaDB"}
    assert database.product == product[database_url.partition(":")[0].partition("+")[0]]
    assert [part.isdigit() for part in database.version.split(".")[:2]] == [True, True]
    assert 0 < database.latency_s < 60


async def rows_in(store: VimStore) -> int:
    assert isinstance(store, SqlStore)
    return await store._database.read(lambda connection: len(connection.execute(processes.select()).all()))
