"""Creates and upgrades the tables on a database server."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from alembic.util import CommandError
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from vimesh.domain.errors import BadSetting, StoreUnavailable
from vimesh.store.connections.causal_reads import is_node
from vimesh.store.connections.database_server import DatabaseServer, cannot_connect
from vimesh.store.connections.server_version import require_new_enough
from vimesh.store.databases.galera_turns import AnothersTurn
from vimesh.store.databases.server_database import close
from vimesh.store.databases.transaction_retries import TransactionRetries
from vimesh.store.databases.writability import require_writes
from vimesh.store.transactions.database import SETTING, errors_as_unavailable
from vimesh.store.transactions.driver_errors import code_of
from vimesh.store.upgrade import migrations_runner

# In PostgreSQL the lock belongs to the transaction: behind a pooler, the next transaction may use another session. In
# MariaDB it belongs to the session, because each statement that changes tables commits the transaction.
_ACQUIRE = {
    "postgresql": text("SELECT 1 FROM pg_advisory_xact_lock(hashtext('vimesh.schema'))"),
    "mysql": text("SELECT GET_LOCK(CONCAT('vimesh.', MD5(DATABASE())), 3600)"),
}
# 42501: PostgreSQL. 1142: MariaDB.
_NO_TABLES = ("42501", 1142)
# The object exists already, or is gone already: no lock separates two upgrades at two nodes of a Galera cluster.
_ALREADY_DONE = (1050, 1051, 1054, 1060, 1061, 1062, 1068, 1072, 1091, 1146, 1176, 1412, 1684)


async def upgrade(server: DatabaseServer, limit_s: float) -> None:
    """Upgrade the tables, and retry if that was rolled back because of others: each step is skipped if it is done.

    Raises BadSetting, StoreUnavailable.
    """
    retries, until = TransactionRetries(), time.monotonic() + limit_s
    while True:
        try:
            return await _upgrade(server, limit_s)
        except (AnothersTurn, StoreUnavailable) as error:
            pause_s = retries.pause_s(error)
            if pause_s is None or time.monotonic() > until:
                raise (error if isinstance(error, StoreUnavailable) else StoreUnavailable()) from error.__cause__
        await asyncio.sleep(pause_s)


async def _upgrade(server: DatabaseServer, limit_s: float) -> None:
    async with _connected(server, limit_s) as connection:
        # The process that gets the lock upgrades; the others wait here and find it done.
        acquired = await connection.execute(_ACQUIRE[server.url.get_backend_name()])
        if acquired.scalar_one() != 1:
            raise StoreUnavailable
        await _require_unicode(connection)
        if await connection.run_sync(migrations_runner.revision_of) != migrations_runner.newest():
            # MariaDB and MySQL let administrators create tables even on a read-only server.
            await connection.run_sync(require_writes)
        try:
            await connection.run_sync(migrations_runner.to_newest)
        except (DBAPIError, CommandError) as error:
            # CommandError: the version has changed since the step started.
            is_already_done = isinstance(error, CommandError) or code_of(error) in _ALREADY_DONE
            if is_already_done and await connection.run_sync(is_node):
                raise AnothersTurn from error
            raise
        await connection.commit()


async def current(server: DatabaseServer, limit_s: float) -> str | None:
    """Return the version of the tables, None if there are none. Raises BadSetting, StoreUnavailable."""
    async with _connected(server, limit_s) as connection:
        return await connection.run_sync(migrations_runner.revision_of)


async def _require_unicode(connection: AsyncConnection) -> None:
    """Raise BadSetting for a database that cannot store all text. In MariaDB and MySQL each table has its charset."""
    if connection.dialect.name == "postgresql":
        encoding = (await connection.execute(text("SHOW server_encoding"))).scalar_one()
        if encoding != "UTF8":
            raise BadSetting(SETTING, f"the database keeps text as {encoding}; make one with ENCODING 'UTF8'")


@asynccontextmanager
async def _connected(server: DatabaseServer, limit_s: float) -> AsyncGenerator[AsyncConnection]:
    engine = server.engine(1, "READ COMMITTED")
    # The driver logs MariaDB's notes about the names of keys as warnings.
    logging.getLogger("asyncmy").setLevel(logging.ERROR)
    try:
        with errors_as_unavailable():
            async with _in_time(server, limit_s), engine.connect() as connection:
                require_new_enough(connection.dialect, server.connector)
                yield connection
    except StoreUnavailable as error:
        if error.__cause__ is None or code_of(error.__cause__) not in _NO_TABLES:
            raise
        raise BadSetting(SETTING, f"the user may not read or make tables in {server.connector.description}") from error
    finally:
        await close(engine)


@asynccontextmanager
async def _in_time(server: DatabaseServer, limit_s: float) -> AsyncGenerator[None]:
    """Raise CannotConnect if the block takes too long."""
    try:
        async with asyncio.timeout(limit_s):
            yield
    except TimeoutError as error:
        raise cannot_connect(server.connector, f"no answer within {limit_s:g} s") from error
