"""Creates and upgrades the tables on a database server."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from vimesh.domain.errors import BadSetting, StoreUnavailable
from vimesh.domain.fleet.upgrade_phases import UpgradePhase
from vimesh.store.databases.galera_turns import AnothersTurn
from vimesh.store.databases.server_database import close
from vimesh.store.databases.transaction_retries import TransactionRetries
from vimesh.store.databases.unavailability import errors_as_unavailable
from vimesh.store.databases.writability import require_writes
from vimesh.store.dialects.server_dialect import DatabaseServer, cannot_connect
from vimesh.store.transactions.database import SETTING
from vimesh.store.transactions.driver_errors import code_of
from vimesh.store.upgrade.server_version import require_new_enough
from vimesh.store.upgrade.table_versions import tables_of

T = TypeVar("T")


async def upgrade(server: DatabaseServer, phase: UpgradePhase | None, limit_s: float) -> None:
    """Upgrade the tables, and retry if that was rolled back because of others: each step is skipped if it is done.

    Raises BadSetting, StoreUnavailable.
    """
    retries, until = TransactionRetries(), time.monotonic() + limit_s
    while True:
        try:
            return await _upgrade(server, phase, limit_s)
        except (AnothersTurn, StoreUnavailable) as error:
            pause_s = retries.pause_s(error)
            if pause_s is None or time.monotonic() > until:
                raise (error if isinstance(error, StoreUnavailable) else StoreUnavailable()) from error.__cause__
        await asyncio.sleep(pause_s)


async def _upgrade(server: DatabaseServer, phase: UpgradePhase | None, limit_s: float) -> None:
    from alembic.util import CommandError  # noqa: PLC0415 - only an upgrade needs Alembic

    from vimesh.store.upgrade import migrations_runner  # noqa: PLC0415 - as above

    async with connected(server, limit_s) as connection:
        # The process that gets the lock upgrades; the others wait here and find it done.
        acquired = await connection.exec_driver_sql(server.dialect.lock_for_upgrade)
        if acquired.scalar_one() != 1:
            raise StoreUnavailable
        await connection.run_sync(server.dialect.prepare_upgrade)
        if (await connection.run_sync(tables_of)).steps:
            # MariaDB and MySQL let administrators create tables even on a read-only server.
            await connection.run_sync(require_writes)
        try:
            await connection.run_sync(migrations_runner.upgrade, phase)
        except (DBAPIError, CommandError) as error:
            # CommandError: the version has changed since the step started.
            is_already_done = isinstance(error, CommandError) or code_of(error) in server.dialect.errors.already_done
            # No lock separates two upgrades at two nodes of a cluster.
            if is_already_done and await connection.run_sync(server.dialect.is_cluster_node):
                raise AnothersTurn from error
            raise
        await connection.commit()


async def read(server: DatabaseServer, look: Callable[[Connection], T], limit_s: float) -> T:
    """Return what a function reads from a connection. Raises BadSetting, StoreUnavailable."""
    async with connected(server, limit_s) as connection:
        return await connection.run_sync(look)


@asynccontextmanager
async def connected(server: DatabaseServer, limit_s: float) -> AsyncGenerator[AsyncConnection]:
    """Connect to a server that is new enough, for that long. Raises BadSetting, StoreUnavailable."""
    engine = server.engine(1, "READ COMMITTED")
    try:
        with errors_as_unavailable():
            async with _in_time(server, limit_s), engine.connect() as connection:
                require_new_enough(connection.dialect, server)
                yield connection
    except StoreUnavailable as error:
        if error.__cause__ is None or code_of(error.__cause__) not in server.dialect.errors.no_privilege:
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
