"""Stores on database servers that go away, come back, stall, and refuse."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncGenerator, Awaitable
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, event, select, text
from sqlalchemy.ext.asyncio import create_async_engine

from tests.support.sql.databases import SERVERS, Server, execute, server, with_driver
from tests.support.sql.stores import record, registration, report, store_at
from tests.support.timing.waiting import eventually
from vimesh.domain.errors import BadSetting, StoreUnavailable
from vimesh.domain.vims import Recorded, Status
from vimesh.runtime.background import beside
from vimesh.store.schema.all_tables import ALL_TABLES
from vimesh.store.schema.tables import segments
from vimesh.store.sql_store import SqlStore
from vimesh.store.upgrade import migrations_runner
from vimesh.store.upgrade.manage_tables import check, current, newest, upgrade


@pytest.fixture(params=SERVERS)
async def node(request: pytest.FixtureRequest) -> AsyncGenerator[Server]:
    async with server(request.param) as running:
        yield running


async def answers(store: SqlStore) -> bool:
    try:
        await store.span()
    except StoreUnavailable:
        return False
    return True


async def on(url: str, work: Any) -> Any:  # noqa: ANN401 - whatever the work is about
    engine = create_async_engine(with_driver(url))
    async with engine.connect() as connection:
        result = await connection.run_sync(work)
        await connection.commit()
    await engine.dispose()
    return result


async def test_what_was_answered_is_there_after_a_crash_of_the_server(node: Server) -> None:
    """G2, G3: nothing is known while the server is away."""
    async with store_at(node.url) as store:
        vim = await store.register(registration())
        assert await record(store, [report(vim, Status.REACHABLE, 1)]) == [Recorded(Status.REACHABLE)]

        await node.kill()
        with pytest.raises(StoreUnavailable):
            await record(store, [report(vim, Status.UNREACHABLE, 2)])
        with pytest.raises(StoreUnavailable):
            await store.get(vim.id)

        await node.start()
        await eventually(lambda: answers(store), 30)
        assert (await store.get(vim.id)).status is Status.REACHABLE
        assert await record(store, [report(vim, Status.UNREACHABLE, 2)]) == [Recorded(Status.UNREACHABLE)]


async def test_a_restart_that_nobody_noticed_fails_no_call(node: Server) -> None:
    async with store_at(node.url) as store:
        vim = await store.register(registration())
        await store.get(vim.id)

        await node.stop()
        await node.start()

        assert (await store.get(vim.id)).id == vim.id
        assert await record(store, [report(vim)]) == [Recorded(Status.REACHABLE)]


async def test_a_server_that_stalls_is_unavailable_in_time(node: Server) -> None:
    async with store_at(node.url, lock_timeout_s=1.0) as store:
        vim = await store.register(registration())
        async with node.paused():
            for call in (store.get(vim.id), store.deregister(vim.id)):
                async with asyncio.timeout(10):
                    with pytest.raises(StoreUnavailable):
                        await call

        await eventually(lambda: answers(store), 30)
        assert (await store.get(vim.id)).id == vim.id


async def test_a_store_on_a_server_that_stalls_can_be_left(node: Server) -> None:
    async with asyncio.timeout(20):
        async with store_at(node.url, lock_timeout_s=1.0) as store:
            await asyncio.gather(*(store.register(registration()) for _ in range(3)), *(store.span() for _ in range(9)))
            node.pause()
    node.resume()


async def test_a_process_that_stops_in_a_transaction_keeps_others_waiting_for_a_bounded_time(node: Server) -> None:
    engine = create_async_engine(with_driver(node.url))
    async with store_at(node.url, lock_timeout_s=1.0) as store, engine.connect() as holder:
        await holder.execute(text("SELECT newest FROM revisions FOR UPDATE"))

        with pytest.raises(StoreUnavailable):
            await store.register(registration())
        await store.span()  # readers do not wait

        await holder.rollback()
        vim = await store.register(registration())
        assert (await store.get(vim.id)).id == vim.id
    await engine.dispose()


async def test_a_postgresql_that_cannot_hold_every_text_is_refused() -> None:
    async with server("postgresql") as node:
        await execute(
            node.url, "CREATE DATABASE latin ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"
        )
        with pytest.raises(BadSetting, match="UTF8"):
            await upgrade(node.url.rpartition("/")[0] + "/latin")


async def test_commits_are_heard_of_again_after_connections_broke() -> None:
    heard = asyncio.Event()
    async with server("postgresql") as node, store_at(node.url) as store, store_at(node.url) as other:
        await asyncio.gather(*(store.span() for _ in range(9)))
        await execute(
            node.url, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'vimesh'"
        )

        async with beside(store.watch_commits(heard.set)), asyncio.timeout(10):
            await heard.wait()  # that it listens
            heard.clear()
            await other.register(registration())
            await heard.wait()


async def test_a_listener_that_is_cut_off_says_so() -> None:
    heard = asyncio.Event()
    async with server("postgresql") as node, store_at(node.url) as store:
        async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
            listening = tasks.create_task(failure_of(store.watch_commits(heard.set)))
            await heard.wait()
            await execute(
                node.url, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'vimesh'"
            )
        assert isinstance(listening.result(), StoreUnavailable)


async def failure_of(work: Awaitable[object]) -> BaseException | None:
    try:
        await work
    except StoreUnavailable as error:
        return error
    return None


async def test_upgrades_at_once_make_the_tables_once(node: Server) -> None:
    url = node.url.rpartition("/")[0] + "/another"
    await execute(node.url, "CREATE DATABASE another")
    with pytest.raises(BadSetting, match="has no tables; type: vimesh db upgrade"):
        await check(url)

    await asyncio.gather(*(upgrade(url) for _ in range(4)))

    await check(url)
    assert await on(url, differences) == []
    async with store_at(url) as store:
        await store.register(registration())


def differences(connection: Connection) -> list[Any]:
    found = compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), ALL_TABLES)
    return list(found)


async def test_the_history_goes_down_and_up_again(node: Server) -> None:
    def down(connection: Connection) -> None:
        command.downgrade(migrations_runner.config_for(connection), "base")

    await on(node.url, down)
    assert await current(node.url) is None

    await upgrade(node.url)
    assert await current(node.url) == newest()
    assert await on(node.url, differences) == []


@pytest.mark.parametrize(
    ("before", "table", "at"),
    [
        *(("0003", "vims", at) for at in (1, 2, 3, 9)),
        *(("0004", "standings", at) for at in (1, 2, 3)),
        ("0005", "revisions", 2),
    ],
)
async def test_a_move_of_columns_can_be_broken_off_anywhere(node: Server, before: str, table: str, at: int) -> None:
    """Also where each ALTER TABLE is committed by itself."""

    def back(connection: Connection) -> None:
        command.downgrade(migrations_runner.config_for(connection), before)

    def broken_off(connection: Connection) -> None:
        altered = 0

        def stop(_: object, __: object, statement: str, *___: object) -> None:
            nonlocal altered
            altered += f"ALTER TABLE {table}" in statement
            if altered == at:
                raise ConnectionResetError

        event.listen(connection, "before_cursor_execute", stop)
        with pytest.raises(ConnectionResetError):
            migrations_runner.upgrade(connection, None)
        connection.rollback()

    async with store_at(node.url) as store:
        vim = await store.register(registration())
        await record(store, [report(vim, Status.UNREACHABLE, 7, reason="REFUSED")])
        stored = await store.get(vim.id)
    await on(node.url, back)
    await on(node.url, broken_off)

    await upgrade(node.url)

    assert await on(node.url, differences) == []
    async with store_at(node.url) as store:
        assert await store.get(vim.id) == stored


async def test_the_bytes_of_changes_that_are_there_are_counted(node: Server) -> None:
    def back(connection: Connection) -> None:
        command.downgrade(migrations_runner.config_for(connection), "0005")

    async with store_at(node.url) as store:
        for _ in range(30):
            vim = await store.register(registration(extra={"a": "x" * 60_000}))
        await store.deregister(vim.id)
        counted = await store.logged_bytes(), await on(node.url, segments_of)
    await on(node.url, back)
    await upgrade(node.url)

    async with store_at(node.url) as store:
        assert (await store.logged_bytes(), await on(node.url, segments_of)) == counted
        assert len(counted[1]) == 1
        await store.register(registration())


def segments_of(connection: Connection) -> list[tuple[int, int]]:
    return [(row.revision, row.position) for row in connection.execute(select(segments))]


async def test_an_upgrade_that_was_broken_off_can_be_repeated(node: Server) -> None:
    def back(connection: Connection) -> None:
        # As if the process had ended between the tables and the note that they are there.
        connection.execute(text("UPDATE alembic_version SET version_num = '0002'"))

    name = str(uuid.uuid4())
    async with store_at(node.url) as store:
        vim = await store.register(registration(name=name))
    await on(node.url, back)

    await upgrade(node.url)

    async with store_at(node.url) as store:
        assert (await store.get(vim.id)).name == name
