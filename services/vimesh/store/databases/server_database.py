"""Runs transactions on a database server."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Never, TypeVar

from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from vimesh.store.databases.connection_pool import ServerConnections
from vimesh.store.databases.galera_turns import AnothersTurn, InTurn
from vimesh.store.databases.transaction_retries import StaleConnection, TransactionRetries
from vimesh.store.databases.writability import write_nothing
from vimesh.store.dialects.server_dialect import DatabaseServer
from vimesh.store.transactions.database import BROWSERS, READERS, Work
from vimesh.store.transactions.driver_errors import ReadOnlyServer

T = TypeVar("T")

_CLOSE_S = 2.0
_BROWSE_S = 60.0
"""A query over all VIMs may take longer than a query for one."""


class ServerTransactions:
    """Implements Transactions."""

    def __init__(self, server: DatabaseServer) -> None:
        self._limit_s = server.lock_timeout_s
        self._connections = ServerConnections()
        # READ COMMITTED: each statement sees everything committed before it, even if it had to wait for a lock. A
        # snapshot from the start of the transaction would miss the writer that it waited for.
        self._write_engine = server.engine(1, "READ COMMITTED", self._connections.watch)
        self._read_engine = server.engine(READERS + BROWSERS, "AUTOCOMMIT", self._connections.watch)
        self._dialect = server.dialect
        # Two connections: one listens for commits, and one checks whether the server accepts writes.
        self._extra_engine = server.engine(2, "AUTOCOMMIT", self._connections.watch)

    def read(self, work: Work[T]) -> asyncio.Future[T]:
        return _task(self._run(self._read_engine, work, self._limit_s))

    def browse(self, work: Work[T]) -> tuple[asyncio.Future[T], Callable[[], object]]:
        task = _task(self._run(self._read_engine, work, _BROWSE_S))
        return task, task.cancel

    def write(self, work: Work[T]) -> asyncio.Future[T]:
        return _task(self._run(self._write_engine, InTurn(work), self._limit_s))

    def require_writable(self) -> asyncio.Future[object]:
        # On a connection of its own, so that the result does not depend on other writers.
        return _task(self._run(self._extra_engine, write_nothing, self._limit_s))

    async def _run(self, engine: AsyncEngine, work: Work[T], limit_s: float) -> T:
        """Run work, and retry it if it was rolled back because of other writers or lost its connection.

        Raises DBAPIError or OSError if it keeps failing; TimeoutError, an OSError, if it takes too long.
        """
        retries = TransactionRetries()
        try:
            async with asyncio.timeout(limit_s):
                while True:
                    try:
                        result = await self._once(engine, work)
                    except (StaleConnection, AnothersTurn, DBAPIError) as error:
                        if (pause_s := retries.pause_s(error)) is None:
                            raise
                    else:
                        self._connections.note_answer()
                        return result
                    await asyncio.sleep(pause_s)
        except TimeoutError:
            self._connections.note_timeout()
            raise

    async def _once(self, engine: AsyncEngine, work: Work[T]) -> T:
        async with engine.connect() as connection, connection.begin():
            try:
                return await connection.run_sync(work)
            except ReadOnlyServer as error:
                self._connections.renew()
                raise StaleConnection from error
            except DBAPIError as error:
                if error.connection_invalidated:
                    raise StaleConnection from error
                raise

    async def erase_removed(self, *, whole: bool) -> None:
        """Do nothing: a server cleans up by itself, and clients do not reach its files."""

    async def watch_commits(self, on_commit: Callable[[], None]) -> Never:
        await self._dialect.listen(self._extra_engine, on_commit, self._connections.on_renewal, self._limit_s)
        while True:
            await asyncio.Event().wait()

    async def close(self) -> None:
        await asyncio.gather(*(close(engine) for engine in (self._write_engine, self._read_engine, self._extra_engine)))


async def close(engine: AsyncEngine) -> None:
    """Close the connections of an engine. If the server does not respond, they end with the process."""
    try:
        async with asyncio.timeout(_CLOSE_S):
            await engine.dispose()
    except TimeoutError:
        await engine.dispose(close=False)


def _task(coroutine: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
    return asyncio.get_running_loop().create_task(coroutine)
