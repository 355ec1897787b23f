"""Queues transactions for any kind of database."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Never, TypeVar

from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from vimesh.domain.fleet.store_statistics import StoreStatistics
from vimesh.store.databases.transaction_queue import TransactionQueue
from vimesh.store.databases.unavailability import errors_as_unavailable, no_errors
from vimesh.store.databases.writability import write_the_same
from vimesh.store.transactions.database import BROWSERS, READERS, Transactions, Work
from vimesh.tracing.spans import child_span

T = TypeVar("T")

_WAITING = 512
"""More than a conductor admits of each kind of call, so that its own work finds room in an overload."""
_WAITING_BROWSERS = 200


class QueuedDatabase:
    """Implements Database."""

    def __init__(self, transactions: Transactions, *, patience_s: float) -> None:
        self._transactions = transactions
        self.statistics = statistics = StoreStatistics(errors=no_errors())

        def queue(kind: str, places: int, max_waiting: int) -> TransactionQueue:
            return TransactionQueue(
                places, patience_s=patience_s, max_waiting=max_waiting, statistics=statistics.queues[kind]
            )

        self._writing = queue("write", 1, _WAITING)
        self._reading = queue("read", READERS, _WAITING)
        self._browsing = queue("browse", BROWSERS, _WAITING_BROWSERS)
        self._write_failed = False

    async def read(self, work: Work[T], *, urgent: bool = False) -> T:
        with child_span("database read"), errors_as_unavailable(self.statistics.errors):
            return await self._reading.run(lambda: self._transactions.read(work), urgent=urgent)

    async def browse(self, work: Work[T]) -> T:
        end_early: Callable[[], object] = bool

        def begin() -> asyncio.Future[T]:
            nonlocal end_early
            future, end_early = self._transactions.browse(work)
            return future

        with child_span("database browse"), errors_as_unavailable(self.statistics.errors):
            try:
                return await self._browsing.run(begin)
            finally:
                end_early()

    async def write(self, work: Work[T], conflict: Work[object] | None = None, *, urgent: bool = False) -> T:
        with child_span("database write"), errors_as_unavailable(self.statistics.errors):
            try:
                result = await self._writing.run(lambda: self._transactions.write(work), urgent=urgent)
            except IntegrityError:
                if conflict is not None:
                    await self.read(conflict)
                # The VIM that held the key is gone by now: the caller may try again.
                raise
            except (DBAPIError, PoolTimeout, OSError):
                self._write_failed = True
                raise
            self._write_failed = False
            self.statistics.commits += 1
            return result

    async def require_writable(self) -> None:
        with errors_as_unavailable(self.statistics.errors):
            await self._transactions.require_writable()
        if self._write_failed:
            await self.write(write_the_same, urgent=True)

    async def erase_removed(self, *, whole: bool = False) -> None:
        with errors_as_unavailable(self.statistics.errors):
            await self._transactions.erase_removed(whole=whole)

    async def watch_commits(self, on_commit: Callable[[], None]) -> Never:
        with errors_as_unavailable(self.statistics.errors):
            await self._transactions.watch_commits(on_commit)

    async def close(self) -> None:
        for queue in (self._writing, self._reading, self._browsing):
            await queue.close()
        await self._transactions.close()
