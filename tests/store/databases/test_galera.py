"""Stores at the two nodes of a Galera cluster: what one has committed, the other one knows, and neither loses to it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import Connection, bindparam, select, text, update

from tests.support.sql.databases import Server, empty, execute
from tests.support.sql.galera import galera, held_back
from tests.support.sql.stores import elapse, record, registration, report, store_at
from tests.support.timing.waiting import eventually
from vimesh.domain.errors import NameTaken, StoreUnavailable
from vimesh.domain.queries import VimQuery
from vimesh.domain.vims import BadAction, Engine, Modification, Outcome, Recorded, Status, Vim
from vimesh.store.backup.back_up import back_up
from vimesh.store.backup.restore import restore
from vimesh.store.change_log.transaction import Changes
from vimesh.store.dialects.backup_errors import BackupRefused
from vimesh.store.schema.tables import standings
from vimesh.store.sql_store import SqlStore
from vimesh.store.upgrade.manage_tables import current, newest, upgrade

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(120)]

_UNHEARD = select(standings.c.unheard).where(standings.c.vim_id == bindparam("vim"))
_SET_UNHEARD = update(standings).where(standings.c.vim_id == bindparam("vim")).values(unheard=bindparam("to"))
_ROUNDS = 40
_LIMIT_S = 20.0
"""For calls: what is shown here is that none fails, on a machine as busy as it likes."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def nodes() -> AsyncGenerator[tuple[Server, Server]]:
    async with galera() as cluster:
        yield cluster


@pytest_asyncio.fixture(loop_scope="module")
async def stores(nodes: tuple[Server, Server]) -> AsyncGenerator[tuple[SqlStore, SqlStore]]:
    """Open a store at each node."""
    first, second = nodes
    await empty(first.url)
    async with (
        store_at(first.url, lock_timeout_s=_LIMIT_S) as here,
        store_at(second.url, lock_timeout_s=_LIMIT_S) as there,
    ):
        yield here, there


Call = Callable[[SqlStore, Vim], Awaitable[object]]

_CALLS: dict[str, Call] = {
    "report": lambda store, vim: record(store, [report(vim, Status.REACHABLE, 1)]),
    "get": lambda store, vim: store.get(vim.id),
    "list": lambda store, _: store.list_vims(VimQuery()),
    "same name": lambda store, vim: store.register(registration(name=vim.name)),
    "modify": lambda store, vim: store.modify(vim.id, Modification(description="other")),
    "deregister": lambda store, vim: store.deregister(vim.id),
    "changes": lambda store, vim: store.events_after(vim.revision - 1, 10),
    "actions": lambda store, vim: store.actions_of([vim.id]),
    "claim": lambda store, _: store.claim_todos("me", 10, 60.0),
}


async def answers_after(call: Coroutine[Any, Any, object], go_on: asyncio.Event) -> object:
    """Return the answer, or the error, to a call that must not be answered before its node goes on."""
    answer = asyncio.create_task(call)
    early, _ = await asyncio.wait({answer}, timeout=0.3)
    assert not early, f"answered by what was true before: {answer}"
    go_on.set()
    try:
        return await answer
    except NameTaken as error:
        return error


@pytest.mark.parametrize("name", _CALLS)
async def test_a_node_that_is_behind_answers_when_it_has_caught_up(
    name: str, nodes: tuple[Server, Server], stores: tuple[SqlStore, SqlStore]
) -> None:
    """G3: what its peer has committed is no news to the caller."""
    here, there = stores

    async def call() -> object:
        return await _CALLS[name](there, vim)

    await there.span()
    async with held_back(nodes[1]) as go_on:
        vim = await here.register(registration(engine=Engine.MISTRAL))
        answer = await answers_after(call(), go_on)

    match name:
        case "report":
            assert answer == [Recorded(Status.REACHABLE)]
        case "same name":
            assert isinstance(answer, NameTaken)
        case "list":
            assert getattr(answer, "vims", None) == [vim]
        case "deregister":
            assert answer == vim.project_id
        case _:
            assert answer, f"{name}: {answer}"


async def test_what_is_known_of_an_action_is_not_believed_when_the_other_node_has_replaced_it(
    nodes: tuple[Server, Server], stores: tuple[SqlStore, SqlStore]
) -> None:
    """G3, G11: from memory the old action would be told that all is well."""
    here, there = stores
    vim = await here.register(registration())
    assert await record(there, [report(vim, Status.REACHABLE, 1)]) == [Recorded(Status.REACHABLE)]
    assert await record(there, [report(vim, Status.REACHABLE, 1)]) != [BadAction()]
    async with held_back(nodes[1]) as go_on:
        await here.modify(vim.id, Modification(auth_url="http://192.0.2.7/"))
        assert await answers_after(record(there, [report(vim, Status.REACHABLE, 1)]), go_on) == [BadAction()]


async def test_a_lease_that_was_renewed_at_the_other_node_does_not_lapse(
    nodes: tuple[Server, Server], stores: tuple[SqlStore, SqlStore]
) -> None:
    """G6."""
    here, there = stores
    vim = await here.register(registration())
    await record(here, [report(vim, Status.REACHABLE, 1)])
    await elapse(here, 80.0)
    await there.span()
    async with held_back(nodes[1]) as go_on:
        await record(here, [report(vim, Status.REACHABLE, 2)])
        await elapse(here, 15.0)
        assert await answers_after(there.record_lapses(10), go_on) == 0
    assert (await there.get(vim.id)).status is Status.REACHABLE


async def test_reports_across_nodes_are_answered_right_while_one_takes_a_flood(
    stores: tuple[SqlStore, SqlStore],
) -> None:
    """G3: with a node that is always a little behind, no action is told to stop, and no VIM is missed."""
    async with asyncio.TaskGroup() as tasks:
        flood = tasks.create_task(register_for_ever(stores[0]))
        for number in range(_ROUNDS):
            one, other = stores if number % 2 else stores[::-1]
            vim = await one.register(registration())
            assert await record(other, [report(vim, Status.REACHABLE, 1)]) == [Recorded(Status.REACHABLE)]
            assert (await other.get(vim.id)).status is Status.REACHABLE
        flood.cancel()


async def register_for_ever(store: SqlStore) -> None:
    while True:
        said = await store.register_many([registration() for _ in range(50)])
        assert not any(isinstance(one, Exception) for one in said)


async def test_six_writers_at_two_nodes_fail_no_call(stores: tuple[SqlStore, SqlStore]) -> None:
    said = await asyncio.gather(*(write(store) for store in (*stores, *stores, *stores)))

    assert said == [[Recorded(Status.REACHABLE), Recorded(Status.UNREACHABLE)] * 5] * 6
    newest = (await stores[0].span()).newest
    changes = await stores[1].events_after(1, 1000)
    assert [change.revision for change in changes] == list(range(2, newest + 1))


async def write(store: SqlStore) -> list[Outcome]:
    said: list[Outcome] = []
    for _ in range(5):
        vim = await store.register(registration())
        said += await record(store, [report(vim, Status.REACHABLE, 1)])
        said += await record(store, [report(vim, Status.UNREACHABLE, 2)])
        await store.modify(vim.id, Modification(description="other"))
        await store.deregister(vim.id)
    return said


async def test_what_takes_long_does_not_lose_for_ever_to_what_is_quick(stores: tuple[SqlStore, SqlStore]) -> None:
    here, there = stores

    def slow(connection: Connection) -> int:
        changes = Changes.begin(connection)
        connection.execute(text("SELECT SLEEP(0.5)"))
        connection.execute(text("UPDATE revisions SET written = written + 1"))
        return changes.newest

    async with asyncio.TaskGroup() as tasks:
        quick = tasks.create_task(register_one_by_one(there))
        assert await here._database.write(slow) > 1
        quick.cancel()
    # The turn was given back.
    assert await here._database.read(lambda c: c.execute(text("SELECT COUNT(*) FROM turns")).scalar_one()) == 0


async def register_one_by_one(store: SqlStore) -> None:
    while True:
        await store.register(registration())


async def test_what_a_writer_has_read_is_not_outdated_when_it_writes(stores: tuple[SqlStore, SqlStore]) -> None:
    """G1, G6, G9: also where a transaction makes no change that has a revision."""
    vim = await stores[0].register(registration())

    def count(connection: Connection) -> None:
        Changes.begin(connection)
        found = connection.execute(_UNHEARD, {"vim": vim.id}).scalar_one()
        connection.execute(text("SELECT SLEEP(0.03)"))
        connection.execute(_SET_UNHEARD, {"vim": vim.id, "to": found + 1})

    async def count_often(store: SqlStore) -> None:
        for _ in range(10):
            await store._database.write(count)

    await asyncio.gather(*map(count_often, stores))

    counted = await stores[0]._database.read(lambda c: c.execute(_UNHEARD, {"vim": vim.id}).scalar_one())
    assert counted == 20


async def test_claimants_at_two_nodes_never_get_the_same(stores: tuple[SqlStore, SqlStore]) -> None:
    """G9."""
    vims = [await stores[0].register(registration(engine=Engine.MISTRAL)) for _ in range(12)]

    claimed = await asyncio.gather(*(store.claim_todos(f"driver {n}", 2, 60.0) for n, store in enumerate(stores * 3)))

    assert sorted(todo.vim_id for todos in claimed for todo in todos) == sorted(vim.id for vim in vims)


async def test_upgrades_at_both_nodes_at_once_both_end_well(nodes: tuple[Server, Server]) -> None:
    """No lock of theirs holds off the other one."""
    await execute(nodes[0].url, "DROP DATABASE vimesh", "CREATE DATABASE vimesh")

    assert await asyncio.gather(*(upgraded(node.url) for node in nodes)) == [0, 0]
    assert [await current(node.url) for node in nodes] == [newest()] * 2


async def upgraded(url: str) -> int | None:
    """Return the exit code of a process that upgrades: one process does so once at a time."""
    process = await asyncio.create_subprocess_exec(
        *(
            sys.executable,
            "-c",
            f"import asyncio, vimesh.store.upgrade.manage_tables as s; asyncio.run(s.upgrade({url!r}))",
        )
    )
    return await process.wait()


async def test_a_backup_is_put_back_only_if_nobody_uses_any_node(nodes: tuple[Server, Server], tmp_path: Path) -> None:
    first, second = nodes
    both = first.url.replace(f":{first.port}", f":{first.port},127.0.0.1:{second.port}")
    await upgrade(first.url)
    async with store_at(first.url) as here:
        await empty(first.url)
        saved = await here.register(registration())
        # All that was committed at any node is in a copy of this one.
        await back_up(second.url, tmp_path / "copy", show, overwrite=False)
        await here.register(registration())

    async def put_back(url: str) -> None:
        await restore(url, tmp_path / "copy", show, overwrite=True)

    async with store_at(second.url) as there:
        await there.span()
        with pytest.raises(BackupRefused, match=r"^\d+ other connections"):
            await put_back(both)
        with pytest.raises(BackupRefused, match="has 2 nodes, and the URL leads to 1 of them"):
            await put_back(first.url)
        assert len((await there.list_vims(VimQuery())).vims) == 2

    await put_back(both)

    for node in nodes:
        async with store_at(node.url) as store:
            assert [vim.id for vim in (await store.list_vims(VimQuery())).vims] == [saved.id]


def show(_done: int, _total: int | None) -> None:
    """Show nothing."""


async def test_a_node_without_its_cluster_says_nothing_of_actions(
    nodes: tuple[Server, Server], stores: tuple[SqlStore, SqlStore]
) -> None:
    """G3: of two nodes that lose each other, the second goes on by itself no more."""
    here, there = stores
    vim = await here.register(registration())
    await record(there, [report(vim, Status.REACHABLE, 1)])
    await nodes[0].kill()
    try:

        async def refuses() -> bool:
            try:
                said = await record(there, [report(vim, Status.REACHABLE, 2)])
            except StoreUnavailable:
                return True
            assert said != [BadAction()]
            return False

        await eventually(refuses, _LIMIT_S)
    finally:
        await nodes[0].start()

    async def goes_on() -> bool:
        try:
            return await record(there, [report(vim, Status.UNREACHABLE, 3)]) == [Recorded(Status.UNREACHABLE)]
        except StoreUnavailable:
            return False

    await eventually(goes_on, _LIMIT_S)
    assert (await here.get(vim.id)).status is Status.UNREACHABLE
