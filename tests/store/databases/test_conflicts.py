"""Transactions that a server rolls back because of others: they are run again, and nobody hears of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator

import pytest
import pytest_asyncio
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine

from tests.support.sql.databases import SERVERS, Server, empty, execute, server, with_driver
from tests.support.sql.stores import registration, store_at
from vimesh.domain.errors import StoreUnavailable
from vimesh.store.sql_store import SqlStore
from vimesh.store.upgrade.manage_tables import current, newest, upgrade

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(60)]

_POSTGRESQL = "DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '{}'; END $$"
_MARIADB = "SIGNAL SQLSTATE '{}' SET MYSQL_ERRNO = {}"
_CONFLICTS = {
    "postgresql": [_POSTGRESQL.format(state) for state in ("40001", "40P01", "55P03")],
    "mariadb": [_MARIADB.format(*each) for each in (("40001", 1213), ("HY000", 1205), ("HY000", 1020))],
}
_OTHERS = {"postgresql": _POSTGRESQL.format("22012"), "mariadb": _MARIADB.format("22012", 1365)}


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=SERVERS)
async def node(request: pytest.FixtureRequest) -> AsyncGenerator[tuple[str, Server]]:
    async with server(request.param) as running:
        yield request.param, running


class Refused:
    """Work whose transaction a server ends by an error, as often as there are any."""

    def __init__(self, *errors: str) -> None:
        self._errors = list(errors)
        self.tries = 0

    def __call__(self, connection: Connection) -> int:
        self.tries += 1
        connection.execute(text("UPDATE revisions SET written = written + 1"))
        if self._errors:
            connection.exec_driver_sql(self._errors.pop())
        return self.tries


async def written(store: SqlStore) -> int:
    return await store.logged_bytes()


async def test_what_was_rolled_back_is_run_again_and_written_once(node: tuple[str, Server]) -> None:
    kind, running = node
    await empty(running.url)
    work = Refused(*_CONFLICTS[kind])
    async with store_at(running.url) as store:
        assert await store._database.write(work) == 4
        assert await written(store) == 1
        # Reads of a server that follows another one are broken off, too.
        assert await store._database.read(Refused(*_CONFLICTS[kind])) == 4


async def test_no_other_error_is_run_again(node: tuple[str, Server]) -> None:
    kind, running = node
    await empty(running.url)
    work = Refused(_OTHERS[kind])
    async with store_at(running.url) as store:
        with pytest.raises(StoreUnavailable):
            await store._database.write(work)
        assert work.tries == 1
        assert await written(store) == 0


async def test_what_is_rolled_back_for_ever_ends_in_time(node: tuple[str, Server]) -> None:
    kind, running = node
    work = Refused(*_CONFLICTS[kind] * 10_000)
    began = time.monotonic()
    async with store_at(running.url, lock_timeout_s=1.0) as store:
        with pytest.raises(StoreUnavailable):
            await store._database.write(work)
        assert 1.0 < time.monotonic() - began < 20
        assert work.tries > 3
        await store.register(registration())


async def test_two_that_wait_for_each_other_both_end_well(node: tuple[str, Server]) -> None:
    """A real deadlock: the server rolls one of the two back."""
    _, running = node
    await empty(running.url)
    met = asyncio.Barrier(2)

    async with store_at(running.url) as one, store_at(running.url) as other:
        vims = [(await one.register(registration())).id for _ in range(2)]

        async def cross(store: SqlStore, first: str, second: str) -> None:
            await met.wait()
            await store._database.write(lambda connection: _lock(connection, first, second))

        await asyncio.gather(cross(one, vims[0], vims[1]), cross(other, vims[1], vims[0]))


def _lock(connection: Connection, *vim_ids: str) -> None:
    pause = "SELECT pg_sleep(0.2)" if connection.dialect.name == "postgresql" else "SELECT SLEEP(0.2)"
    for vim_id in vim_ids:
        connection.execute(text("SELECT id FROM vims WHERE id = :id FOR UPDATE"), {"id": vim_id})
        connection.execute(text(pause))


async def test_an_upgrade_that_was_rolled_back_is_run_again(node: tuple[str, Server]) -> None:
    kind, running = node
    if kind != "mariadb":
        pytest.skip("there, it waits for others without a limit of its own")
    await execute(
        running.url,
        "UPDATE alembic_version SET version_num = '0006'",
        "SET GLOBAL innodb_lock_wait_timeout = 1",
    )
    engine = create_async_engine(with_driver(running.url))
    try:
        async with engine.connect() as other:
            # The server ends this transaction, but later than the first try of the upgrade.
            await other.execute(text("SET idle_transaction_timeout = 2"))
            await other.execute(text("SELECT version_num FROM alembic_version FOR UPDATE"))
            await upgrade(running.url)
            await other.invalidate()
    finally:
        await engine.dispose()
        await execute(running.url, "SET GLOBAL innodb_lock_wait_timeout = 50")
    assert await current(running.url) == newest()
