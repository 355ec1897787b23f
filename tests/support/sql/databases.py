"""Runs databases of each kind, empty for each test."""

from __future__ import annotations

import signal
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import cache, partial
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, NullPool, delete, insert, make_url, text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from tests.support.processes.server_nodes import Template, server_folder
from tests.support.sql.mariadb import MariaDb, running_mariadb
from tests.support.sql.pgbouncer import Pgbouncer, running_pgbouncer
from tests.support.sql.postgresql import Postgresql, running_postgresql
from vimesh.store.schema.all_tables import ALL_TABLES
from vimesh.store.schema.availability_tables import availability_progress
from vimesh.store.schema.tables import compatibility, revisions
from vimesh.store.upgrade.manage_tables import upgrade

_Running = Callable[[Path, Template | None], AbstractAsyncContextManager[Postgresql | MariaDb]]
_MakeTables = Callable[[str], Awaitable[object]]
_NODES: Final[Mapping[str, tuple[_Running, str]]] = {
    "postgresql": (running_postgresql, "postgres"),
    "mariadb": (running_mariadb, "mysql"),
}
"""What runs a server of each kind, and the database in which an administrator makes another one."""
SERVERS = (*_NODES,)
POOLED = ("pgbouncer-session", "pgbouncer-transaction")
"""PostgreSQL behind a pooler, by mode."""
NAME = "vimesh"


class Server:
    """A database server, and a database on it that has its tables."""

    def __init__(self, node: Postgresql | MariaDb, url: str) -> None:
        self._node = node
        self.url = url
        self.kill = node.kill
        self.stop = node.stop
        self.start = node.start

    @property
    def port(self) -> int:
        return self._node.port

    def url_as(self, user: str, password: str) -> str:
        """Return the URL of the same database for another user."""
        return make_url(self.url).set(username=user, password=password).render_as_string(hide_password=False)

    def pause(self) -> None:
        """Stall the server: it keeps its connections, and answers nothing."""
        self._node.signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._node.signal(signal.SIGCONT)

    @asynccontextmanager
    async def paused(self) -> AsyncGenerator[None]:
        self.pause()
        try:
            yield
        finally:
            self.resume()


@asynccontextmanager
async def server(kind: str, make_tables: _MakeTables | None = None) -> AsyncGenerator[Server]:
    """Run a server of this kind. `make_tables`: makes those of another release in the database with a URL."""
    run, admin_database = _NODES[kind]
    with server_folder() as folder:
        async with run(folder, _WITH_TABLES[kind] if make_tables is None else None) as node:
            found = Server(node, node.url(NAME))
            if make_tables is None:
                await execute(found.url, f"UPDATE revisions SET log_id = '{uuid.uuid4()}'")
            else:
                await execute(node.url(admin_database), f"CREATE DATABASE {NAME}")
                await make_tables(found.url)
            yield found


async def _make_with_tables(kind: str, data: Path) -> None:
    run, admin_database = _NODES[kind]
    with server_folder() as folder:
        async with run(folder, None) as node:
            await execute(node.url(admin_database), f"CREATE DATABASE {NAME}")
            await upgrade(node.url(NAME))
        node.data.rename(data)


_WITH_TABLES: Final = {kind: Template(partial(_make_with_tables, kind)) for kind in SERVERS}


@asynccontextmanager
async def pooler(of: Server, mode: str, more: str = "") -> AsyncGenerator[Pgbouncer]:
    """Run a pgbouncer in front of a PostgreSQL. `more` are lines of its configuration."""
    with server_folder() as folder:
        async with running_pgbouncer(folder, of.port, mode, more) as running:
            yield running


async def execute(url: str, *statements: str) -> None:
    """Run statements as an administrator would, each on its own."""
    engine = create_async_engine(with_driver(url), isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        for statement in statements:
            await connection.execute(text(statement))
    await engine.dispose()


async def empty(url: str) -> None:
    """Restore the tables to the state in which the migrations create them."""
    async with _engine_of(url).begin() as connection:
        await connection.run_sync(clear)


@cache
def _engine_of(url: str) -> AsyncEngine:
    """Return an engine that keeps what it knows of the server and the statements, and no connection."""
    return create_async_engine(with_driver(url), poolclass=NullPool)


def clear(connection: Connection) -> None:
    """Do the same on a connection."""
    deletions = [str(delete(table)) for table in ALL_TABLES.sorted_tables]
    if connection.dialect.name == "postgresql":
        # At once: the driver prepares each statement, in three round trips.
        deletions = [f"DO $$ BEGIN {'; '.join(deletions)}; END $$"]
    for statement in deletions:
        connection.exec_driver_sql(statement)
    connection.execute(insert(revisions).values(id=1, oldest=2, newest=1, log_id=str(uuid.uuid4())))
    connection.execute(insert(availability_progress).values(id=1, revision=1))
    connection.execute(insert(compatibility).values(id=1, compatible_from="0022"))


def with_driver(url: str) -> str:
    """Add the driver to a URL, for SQLAlchemy, and take away what only our own connectors know."""
    parsed = make_url(url).difference_update_query(["connect_timeout"])
    driver = {"postgresql": "postgresql+asyncpg"}.get(parsed.get_backend_name(), "mysql+asyncmy")
    return parsed.set(drivername=driver).render_as_string(hide_password=False)
