"""Defines how transactions run on any database."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Never, Protocol, TypeVar

from sqlalchemy import Connection

from vimesh.domain.fleet.store_statistics import StoreStatistics

T = TypeVar("T")

SETTING = "database_url"
READERS = 2
BROWSERS = 2
Work = Callable[[Connection], T]
"""The work of one transaction. It may run in another thread, and has no effects except through its connection."""


class Database(Protocol):
    """Runs each piece of work entirely or not at all. Raises StoreUnavailable for any failure of the database.

    Raises Overloaded if the caller waits too long, or too many others wait. Urgent work goes before all waiting work
    and does not count towards that limit, so it is only for callers that run one piece at a time.

    A cancelled caller leaves no open transaction: its work is completed or rolled back without it.
    """

    statistics: StoreStatistics

    async def read(self, work: Work[T], *, urgent: bool = False) -> T:
        """Run quick, read-only statements that each see everything committed before them."""

    async def browse(self, work: Work[T]) -> T:
        """Read for a longer time. This delays no `read`, and ends early if its caller is cancelled."""

    async def write(self, work: Work[T], conflict: Work[object] | None = None, *, urgent: bool = False) -> T:
        """Run a transaction that is not interleaved with other writers.

        If a unique key is taken, run `conflict` on the committed state to raise the error that the caller should see.
        """

    async def require_writable(self) -> None:
        """See VimStore."""

    async def erase_removed(self, *, whole: bool = False) -> None:
        """Erase what removed rows have left in files, as far as this process can.

        Unless `whole`, only as long as other writers do not wait long for it.
        """

    async def watch_commits(self, on_commit: Callable[[], None]) -> Never:
        """See VimStore."""


class Transactions(Protocol):
    """Runs up to one writer, READERS readers and BROWSERS browsers at a time. Work that has started runs to its end."""

    def read(self, work: Work[T]) -> asyncio.Future[T]:
        """Start work whose statements each see everything that was committed before them."""

    def browse(self, work: Work[T]) -> tuple[asyncio.Future[T], Callable[[], object]]:
        """Start long work of this kind. The second value ends it early, when its result is no longer needed."""

    def write(self, work: Work[T]) -> asyncio.Future[T]:
        """Start a transaction."""

    def require_writable(self) -> asyncio.Future[object]:
        """Start a check that the database accepts writes. It writes nothing and does not wait for other writers."""

    async def erase_removed(self, *, whole: bool) -> None:
        """See Database."""

    async def watch_commits(self, on_commit: Callable[[], None]) -> Never:
        """See VimStore."""

    async def close(self) -> None:
        """Close all connections. Call this when nothing runs any more."""
