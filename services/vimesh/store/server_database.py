"""Transactions on a database server: PostgreSQL, MariaDB or MySQL."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Never, TypeVar

from sqlalchemy import URL
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from vimesh.store.causal_reads import read_causally
from vimesh.store.conflicts import pauses_s
from vimesh.store.database import COMMITS, Work
from vimesh.store.driver_errors import ErrorKind, kind_of
from vimesh.store.laned import BROWSERS, READERS

T = TypeVar("T")

_CONNECT_S = 5.0
_CLOSE_S = 2.0
_ALIVE_S = 30.0
"""How often the connection that hears of commits is asked whether it lives."""
_BROWSE_S = 60.0
"""What looks at every VIM may take longer than what looks at one."""


@dataclass(frozen=True, slots=True)
class Server:
    url: URL
    """With the driver that we use. Its text hides the password."""
    lock_timeout_s: float = 5.0
    """How long a transaction may take, waiting for other writers included."""

    def engine(self, connections: int, isolation_level: str) -> AsyncEngine:
        engine = create_async_engine(
            self.url,
            pool_size=connections,
            max_overflow=0,
            pool_timeout=self.lock_timeout_s,
            isolation_level=isolation_level,
            hide_parameters=True,  # errors are logged, and parameters may be secret
            connect_args=_CONNECT_ARGUMENTS[self.url.get_backend_name()],
        )
        if self.url.get_backend_name() == "mysql":
            read_causally(engine)
        return engine


_IDLE_S = 10
"""A process that stops in the middle of a transaction must not keep the others waiting for longer."""
_CONNECT_ARGUMENTS: dict[str, dict[str, Any]] = {
    "postgresql": {
        "timeout": _CONNECT_S,
        "server_settings": {"application_name": "vimesh", "idle_in_transaction_session_timeout": f"{_IDLE_S}s"},
    },
    "mysql": {
        "connect_timeout": int(_CONNECT_S),
        "charset": "utf8mb4",
        # A time zone with a summer time would let the clock go back; a lax mode cuts text that is too long. The rest is
        # read by MariaDB only.
        "init_command": (
            "SET time_zone = '+00:00', sql_mode = 'STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION' "
            f"/*M! , idle_transaction_timeout = {_IDLE_S} */"
        ),
    },
}


class ServerTransactions:
    """Implements Transactions."""

    def __init__(self, server: Server) -> None:
        self._limit_s = server.lock_timeout_s
        # One statement sees what was committed before it, also after it waited for a lock: with a snapshot of its
        # begin, a transaction would judge by what was true before the one that it waited for.
        self._writer = server.engine(1, "READ COMMITTED")
        self._reader = server.engine(READERS + BROWSERS, "AUTOCOMMIT")
        self._tells = server.url.get_backend_name() == "postgresql"
        self._listener = server.engine(1, "AUTOCOMMIT")

    def read(self, work: Work[T]) -> asyncio.Future[T]:
        return _task(self._run(self._reader, work, self._limit_s))

    def browse(self, work: Work[T]) -> tuple[asyncio.Future[T], Callable[[], object]]:
        task = _task(self._run(self._reader, work, _BROWSE_S))
        return task, task.cancel

    def write(self, work: Work[T]) -> asyncio.Future[T]:
        return _task(self._run(self._writer, work, self._limit_s))

    async def _run(self, engine: AsyncEngine, work: Work[T], limit_s: float) -> T:
        """Run it again while it is rolled back because of others: of that, nothing is left.

        Raises DBAPIError, or an OSError: of what breaks twice, and of what takes too long.
        """
        broke = False
        async with asyncio.timeout(limit_s):
            for pause_s in pauses_s():
                try:
                    return await _once(engine, work)
                except _Stale:
                    # All connections of the pool are made anew now.
                    if broke:
                        raise
                    broke = True
                except DBAPIError as error:
                    if kind_of(error) is not ErrorKind.CONFLICT:
                        raise
                    await asyncio.sleep(pause_s)
        raise AssertionError("pauses have no end")

    async def hear_commits(self, heard: Callable[[], None]) -> Never:
        if self._tells:
            await self._listen(heard)
        while True:
            await asyncio.Event().wait()

    async def _listen(self, heard: Callable[[], None]) -> None:
        """Raises OSError, or DBAPIError, when the connection breaks."""
        import asyncpg  # noqa: PLC0415 - there is one only where it is used

        async with self._listener.connect() as connection:
            listening: Any = (await connection.get_raw_connection()).driver_connection
            broken = asyncio.Event()
            try:
                listening.add_termination_listener(lambda _: broken.set())
                async with asyncio.timeout(self._limit_s):
                    await listening.add_listener(COMMITS, lambda *_: heard())
                heard()  # of what happened before
                while not await _happens(broken, _ALIVE_S):
                    # A server that vanished without a word tells of nothing.
                    async with asyncio.timeout(self._limit_s):
                        await listening.execute("SELECT 1")
            except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                raise ConnectionError("the connection that hears of commits broke") from error
            finally:
                # Broken off: to take leave would take an answer. The next one is a new one.
                await connection.invalidate()
        raise ConnectionError("the connection that hears of commits broke")

    async def close(self) -> None:
        await asyncio.gather(*(close(engine) for engine in (self._writer, self._reader, self._listener)))


async def close(engine: AsyncEngine) -> None:
    """Close its connections. A server that stands still does not take leave: then they end with the process."""
    try:
        async with asyncio.timeout(_CLOSE_S):
            await engine.dispose()
    except TimeoutError:
        await engine.dispose(close=False)


async def _happens(event: asyncio.Event, within_s: float) -> bool:
    try:
        async with asyncio.timeout(within_s):
            await event.wait()
    except TimeoutError:
        return False
    return True


class _Stale(ConnectionError):
    """The connection was broken before anything could be committed: the server may have been restarted meanwhile."""


async def _once(engine: AsyncEngine, work: Work[T]) -> T:
    async with engine.connect() as connection, connection.begin():
        try:
            return await connection.run_sync(work)
        except DBAPIError as error:
            if error.connection_invalidated:
                raise _Stale from error
            raise


def _task(coroutine: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
    return asyncio.get_running_loop().create_task(coroutine)
