"""What errors mean, as real servers make them."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine

from tests.support.sql.databases import SERVERS, Server, execute, server, with_driver
from vimesh.store.databases.error_kinds import kind_of
from vimesh.store.transactions.driver_errors import ErrorKind

pytestmark = pytest.mark.asyncio(loop_scope="module")

_TO_ROW = "UPDATE revisions SET newest = newest"
_CASES = [
    ("postgresql", ErrorKind.READ_ONLY, ("SET TRANSACTION READ ONLY", _TO_ROW)),
    ("postgresql", ErrorKind.READ_ONLY, ("SET TRANSACTION READ ONLY", "SELECT newest FROM revisions FOR UPDATE")),
    ("postgresql", ErrorKind.LOST, ("SELECT pg_terminate_backend(pg_backend_pid())",)),
    ("postgresql", ErrorKind.CONFLICT, ("SET LOCAL lock_timeout = '1ms'", _TO_ROW)),
    ("postgresql", ErrorKind.OTHER, ("SET LOCAL statement_timeout = '1ms'", "SELECT pg_sleep(9)")),
    ("postgresql", ErrorKind.OTHER, ("SELECT no_such_column FROM revisions",)),
    ("mariadb", ErrorKind.READ_ONLY, ("SET SESSION TRANSACTION READ ONLY", "COMMIT", _TO_ROW)),
    ("mariadb", ErrorKind.READ_ONLY, ("FLUSH TABLES WITH READ LOCK", _TO_ROW)),
    ("mariadb", ErrorKind.LOST, ("KILL CONNECTION_ID()", "SELECT 1")),
    ("mariadb", ErrorKind.CONFLICT, ("SET SESSION innodb_lock_wait_timeout = 0", _TO_ROW)),
    (
        "mariadb",
        ErrorKind.OTHER,
        ("SET SESSION max_statement_time = 0.01", "SELECT BENCHMARK(2000000000, MD5(1)) FROM revisions"),
    ),
    ("mariadb", ErrorKind.OTHER, ("SELECT no_such_column FROM revisions",)),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def servers() -> AsyncGenerator[dict[str, Server]]:
    async with AsyncExitStack() as running:
        yield {kind: await running.enter_async_context(server(kind)) for kind in SERVERS}


async def kind_said(url: str, *statements: str) -> ErrorKind | None:
    """Run statements in a transaction; return what their error means, if there is one."""
    engine = create_async_engine(with_driver(url))
    try:
        async with engine.connect() as connection:
            for statement in statements:
                await connection.execute(text(statement))
    except (DBAPIError, OSError) as error:
        return kind_of(error)
    finally:
        await engine.dispose()
    return None


@pytest.mark.parametrize(("kind", "meaning", "statements"), _CASES)
async def test_an_error_of_a_statement_means_what_is_done_about_it(
    servers: dict[str, Server], kind: str, meaning: ErrorKind, statements: tuple[str, ...]
) -> None:
    url = servers[kind].url
    holder = create_async_engine(with_driver(url))
    async with holder.connect() as held:
        if meaning is ErrorKind.CONFLICT:
            await held.execute(text(_TO_ROW))
        assert await kind_said(url, *statements) is meaning
        await held.rollback()
    await holder.dispose()


async def test_a_server_without_a_connection_for_us_is_full(servers: dict[str, Server]) -> None:
    await execute(servers["postgresql"].url, "CREATE ROLE crowd LOGIN CONNECTION LIMIT 0")
    await execute(
        servers["mariadb"].url,
        "CREATE USER crowd@'%' IDENTIFIED BY 'a secret' WITH MAX_USER_CONNECTIONS 1",
        "GRANT ALL ON vimesh.* TO crowd@'%'",
    )
    crowd = create_async_engine(with_driver(servers["mariadb"].url_as("crowd", "a secret")))
    async with crowd.connect():
        for each in servers.values():
            assert await kind_said(each.url_as("crowd", "a secret"), "SELECT 1") is ErrorKind.FULL
    await crowd.dispose()


async def test_a_read_only_server_refuses_a_user_without_rights_as_such(servers: dict[str, Server]) -> None:
    url = servers["mariadb"].url
    await execute(url, "CREATE USER plain@'%' IDENTIFIED BY 'a secret'", "GRANT ALL ON vimesh.* TO plain@'%'")
    await execute(url, "SET GLOBAL read_only = ON")
    try:
        said = await kind_said(servers["mariadb"].url_as("plain", "a secret"), _TO_ROW + " WHERE id = 0")
    finally:
        await execute(url, "SET GLOBAL read_only = OFF")
    assert said is ErrorKind.READ_ONLY


async def test_who_listens_nowhere_is_not_there(servers: dict[str, Server]) -> None:
    for each in servers.values():
        await each.stop()
        assert await kind_said(each.url, "SELECT 1") in {ErrorKind.LOST, ErrorKind.NOT_READY}
