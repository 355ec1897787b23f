"""PostgreSQL behind pgbouncer: what is said to one process of the server, and what is left there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import pytest
import pytest_asyncio
import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from tests.support.sql.databases import Server, execute, pooler, server, with_driver
from tests.support.sql.pgbouncer import Pgbouncer
from tests.support.sql.stores import record, registration, report, store_at
from tests.support.timing.waiting import eventually
from vimesh.domain.errors import StoreUnavailable
from vimesh.domain.vims import Recorded, Status
from vimesh.runtime.background import beside
from vimesh.store.databases.open_database import parse_database_url
from vimesh.store.databases.unavailability import explain_unavailable
from vimesh.store.dialects.server_dialect import DatabaseServer as StoreServer
from vimesh.store.upgrade.manage_tables import check, current, upgrade

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def node() -> AsyncGenerator[Server]:
    async with server("postgresql") as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def lending(node: Server) -> AsyncGenerator[Pgbouncer]:
    """Give each transaction the next process of the server."""
    async with pooler(node, "transaction") as running:
        yield running


async def counted(url: str, statement: str) -> int:
    engine = create_async_engine(with_driver(url), isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        found = (await connection.execute(text(statement))).scalar_one()
    await engine.dispose()
    return int(found)


async def test_upgrades_at_once_make_the_tables_once(node: Server, lending: Pgbouncer) -> None:
    await execute(node.url, "CREATE DATABASE another")
    url = lending.url("another")

    await asyncio.gather(*(upgrade(url) for _ in range(4)))

    await check(url)
    assert await counted(node.url, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'") == 0
    async with store_at(url) as store:
        await store.register(registration())


async def test_every_process_of_the_server_serves_every_call(lending: Pgbouncer) -> None:
    """Round robin gives each transaction another one: what stays with one of them would soon be missed."""
    async with store_at(lending.url("vimesh")) as store:
        vims = [await store.register(registration()) for _ in range(20)]
        for round_ in range(1, 20):
            reports = [report(vim, Status.REACHABLE, round_) for vim in vims]
            assert await record(store, reports) == [Recorded(Status.REACHABLE)] * 20
            await asyncio.gather(*(store.get(vim.id) for vim in vims))


async def test_a_write_that_stops_is_ended_and_nothing_stays_set(lending: Pgbouncer) -> None:
    """The next transaction there may be somebody else's."""
    place = parse_database_url(lending.url("vimesh"))
    assert isinstance(place, StoreServer)
    engine = place.engine(1, "READ COMMITTED")
    shown = "SHOW idle_in_transaction_session_timeout"
    try:
        async with engine.connect() as connection:
            assert (await connection.exec_driver_sql(shown)).scalar_one() == "10s"
    finally:
        await engine.dispose()

    whole = place.engine(1, "AUTOCOMMIT")
    try:
        async with whole.connect() as connection:
            seen = {
                (
                    await connection.exec_driver_sql("SELECT pg_backend_pid()::text || current_setting($1)", (name,))
                ).scalar_one()
                for name in ["idle_in_transaction_session_timeout"] * 20
            }
    finally:
        await whole.dispose()
    assert all(each.endswith("0") and not each.endswith("10s") for each in seen)


async def test_no_prepared_statement_is_left_with_a_process_of_the_server(lending: Pgbouncer) -> None:
    async with store_at(lending.url("vimesh")) as store:
        await store.register(registration())
    place = parse_database_url(lending.url("vimesh"))
    assert isinstance(place, StoreServer)
    engine = place.engine(1, "AUTOCOMMIT")
    try:
        async with engine.connect() as connection:
            for _ in range(20):
                left = await connection.exec_driver_sql("SELECT count(*) FROM pg_prepared_statements WHERE name <> ''")
                assert left.scalar_one() == 0
    finally:
        await engine.dispose()


async def test_commits_are_looked_for_where_they_cannot_be_heard(lending: Pgbouncer) -> None:
    heard = asyncio.Event()
    with structlog.testing.capture_logs() as logs:
        async with store_at(lending.url("vimesh")) as store, beside(store.watch_commits(heard.set)):
            await eventually(lambda: _said(logs), 50)
            await store.register(registration())
            assert not heard.is_set()

    assert len([line for line in logs if "pooler" in line["event"]]) == 1


async def _said(logs: list[structlog.typing.EventDict]) -> bool:
    return any("commits are looked for instead" in line["event"] for line in logs)


async def test_commits_are_heard_of_in_session_mode(node: Server) -> None:
    heard = asyncio.Event()
    async with (
        pooler(node, "session") as keeping,
        store_at(keeping.url("vimesh")) as store,
        store_at(node.url) as other,
        asyncio.timeout(50),
        beside(store.watch_commits(heard.set)),
    ):
        await heard.wait()  # that it listens
        heard.clear()
        await other.register(registration())
        await heard.wait()


async def test_statement_mode_is_refused_in_words(node: Server) -> None:
    async with pooler(node, "statement") as breaking:
        with pytest.raises(StoreUnavailable) as refused:
            await upgrade(breaking.url("vimesh"))

    assert explain_unavailable(refused.value).endswith(
        f"127.0.0.1:{breaking.port}: the pooler is in statement mode, which has no transactions; "
        "use session or transaction mode"
    )


async def test_a_parameter_that_a_pooler_refuses_is_named(lending: Pgbouncer) -> None:
    with pytest.raises(StoreUnavailable) as refused:
        await current(lending.url("vimesh") + "?options=-c%20statement_timeout%3D5s")

    assert "unsupported startup parameter: options" in explain_unavailable(refused.value)


async def test_a_pooler_that_knows_no_such_database_says_so(node: Server) -> None:
    async with pooler(node, "transaction") as running:
        with pytest.raises(StoreUnavailable) as refused:
            await current(running.url("nowhere"))

    assert f"127.0.0.1:{running.port}: " in explain_unavailable(refused.value)
    assert "nowhere" in explain_unavailable(refused.value)


async def test_a_pooler_that_is_restarted_fails_no_later_call(node: Server) -> None:
    async with pooler(node, "transaction") as running, store_at(running.url("vimesh")) as store:
        vim = await store.register(registration())
        await running.stop()
        with pytest.raises(StoreUnavailable):
            await store.get(vim.id)
        await running.start()

        assert (await store.get(vim.id)).id == vim.id
        assert await record(store, [report(vim)]) == [Recorded(Status.REACHABLE)]
