"""Runs conductors that can be stopped at any moment of a transaction: real stores on one real database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import Enum
from typing import Any, Never, TypeVar

from sqlalchemy import Connection

from tests.support.sql.databases import clear
from tests.support.sql.stores import KEY
from vimesh.domain.errors import StoreUnavailable
from vimesh.runtime.background import beside
from vimesh.store.databases.open_database import open_database, parse_database_url
from vimesh.store.reports.confirm_repeats import Confirmation
from vimesh.store.reports.judge_and_write import Overtaken
from vimesh.store.reports.standing_cache import StandingCache
from vimesh.store.rows.credential_encryption import Cipher
from vimesh.store.sql_store import SqlStore
from vimesh.store.transactions.database import Database, Work

T = TypeVar("T")

_LOCK_TIMEOUT_S = 30.0
"""Longer than any wait on a busy machine: a wait that times out is not part of the protocol."""
_RESTART_S = 30.0


class Fate(Enum):
    """What happens to the next transaction that writes."""

    ANSWERED = "answered"
    NOT_COMMITTED = "not committed"
    """The conductor dies before the commit."""
    NOT_ANSWERED = "not answered"
    """The conductor dies after the commit: the answer is lost."""


class FragileDatabase:
    """Wraps a real Database, and lets something happen around the next transaction that writes."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.statistics = database.statistics
        self.fate = Fate.ANSWERED
        self.first: str | None = None
        """Kind of the first request since this was set to None."""
        self.meanwhile: Callable[[], Awaitable[None]] | None = None
        """Runs after the reads before the transaction, and before the transaction begins."""

    async def read(self, work: Work[T], *, urgent: bool = False) -> T:
        self.first = self.first or "read"
        return await self._database.read(work, urgent=urgent)

    async def browse(self, work: Work[T]) -> T:
        return await self._database.browse(work)

    async def write(self, work: Work[T], conflict: Work[object] | None = None, *, urgent: bool = False) -> T:
        self.first = self.first or "write"
        fate, meanwhile = self.fate, self.meanwhile
        self.fate, self.meanwhile = Fate.ANSWERED, None
        if meanwhile is not None:
            await meanwhile()
        try:
            if fate is Fate.NOT_COMMITTED:
                return await self._database.write(_dying(work), conflict, urgent=urgent)
            result = await self._database.write(work, conflict, urgent=urgent)
        except Overtaken:
            self.fate = fate  # it is repeated
            raise
        if isinstance(result, Confirmation) and not result.is_confirmed:
            self.fate = fate  # nothing was written, and the caller asks again in another way
            return result
        if fate is Fate.NOT_ANSWERED:
            raise StoreUnavailable
        return result

    async def require_writable(self) -> None:
        await self._database.require_writable()

    async def erase_removed(self, *, whole: bool = False) -> None:
        await self._database.erase_removed(whole=whole)

    async def watch_commits(self, on_commit: Callable[[], None]) -> Never:
        await self._database.watch_commits(on_commit)


def _dying(work: Work[T]) -> Work[T]:
    def dies(connection: Connection) -> T:
        work(connection)
        raise ConnectionResetError

    return dies


@dataclass(frozen=True)
class Conductor:
    store: SqlStore
    database: FragileDatabase


@asynccontextmanager
async def conductor_at(database_url: str, kind: type[SqlStore]) -> AsyncGenerator[Conductor]:
    """Open a store as a conductor does, on a database that has its tables."""
    async with open_database(parse_database_url(database_url, _LOCK_TIMEOUT_S)) as database:
        fragile = FragileDatabase(database)
        store = kind(fragile, Cipher([KEY]))
        async with beside(store.serve_reports()):
            yield Conductor(store, fragile)


class Seat:
    """A place in the fleet that has one conductor after the other."""

    def __init__(self, database_url: str, kind: type[SqlStore]) -> None:
        self._open: Callable[[], Any] = lambda: conductor_at(database_url, kind)
        self._conductor: asyncio.Future[Conductor] = asyncio.get_running_loop().create_future()
        self._end = asyncio.Event()

    async def serve(self) -> None:
        """Run conductors until cancelled."""
        while True:
            async with self._open() as conductor:
                self._conductor.set_result(conductor)
                await self._end.wait()
            self._end.clear()

    async def conductor(self) -> Conductor:
        async with asyncio.timeout(_RESTART_S):
            return await asyncio.shield(self._conductor)

    async def restart(self) -> None:
        """End the conductor, and wait for the next one."""
        self._conductor = asyncio.get_running_loop().create_future()
        self._end.set()
        await self.conductor()


@asynccontextmanager
async def two_seats(database_url: str, kind: type[SqlStore] = SqlStore) -> AsyncGenerator[tuple[Seat, Seat]]:
    seats = Seat(database_url, kind), Seat(database_url, kind)
    async with beside(*(seat.serve() for seat in seats)):
        yield seats


async def begin_anew(conductors: Sequence[Conductor]) -> None:
    """Restore the tables to the state in which the migrations create them, and clear all caches."""
    for conductor in conductors:
        conductor.database.fate, conductor.database.meanwhile = Fate.ANSWERED, None
        conductor.store._reports.cache = StandingCache()
    await conductors[0].database.write(clear)
