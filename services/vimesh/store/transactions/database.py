"""How transactions run, whatever the database."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Never, Protocol, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from vimesh.domain.errors import StoreUnavailable
from vimesh.store.transactions.driver_errors import ErrorKind, ReadOnlyServer, kind_of

T = TypeVar("T")

SETTING = "database_url"
COMMITS = "vimesh_commits"
"""The channel on which PostgreSQL tells of commits."""
_WHY = {
    ErrorKind.READ_ONLY: "the database takes no writes at present: its server is read-only, as after a fail-over",
    ErrorKind.FULL: "the database has no room at present: on its disk, in its memory or for another connection",
    ErrorKind.CONFLICT: "the database rolled this back for others, again and again",
}
"""What callers are told. Of the rest, that the database cannot be reached."""
Work = Callable[[Connection], T]
"""What one transaction does. It may run in another thread, and changes nothing but by its connection."""


class Database(Protocol):
    """Runs each piece of work whole or not at all; trouble of the database is StoreUnavailable.

    Whoever has to wait for too long, or behind too many, hears Overloaded. What is urgent goes before all that waits,
    and is not counted: it is for what is asked one at a time.

    A caller that is cancelled leaves no transaction behind: the work is finished, or undone, without it.
    """

    async def read(self, work: Work[T], *, urgent: bool = False) -> T:
        """Run quick statements that each see what was committed before it, and write nothing."""

    async def browse(self, work: Work[T]) -> T:
        """Do the same with what may take long. It keeps no `read` waiting, and ends early when its caller is gone."""

    async def write(self, work: Work[T], conflict: Work[object] | None = None, *, urgent: bool = False) -> T:
        """Run a transaction that no other writer can come between.

        When a unique key is taken, `conflict` is run on what is committed, to raise what the caller shall hear.
        """

    async def require_writable(self) -> None:
        """See VimStore."""

    async def hear_commits(self, heard: Callable[[], None]) -> Never:
        """See VimStore."""


@contextmanager
def trouble_as_unavailable() -> Generator[None]:
    try:
        yield
    # OSError: the file or the server is not there.
    except (DBAPIError, PoolTimeout, OSError, ReadOnlyServer) as error:
        why = _WHY.get(kind_of(error))
        raise (StoreUnavailable(why) if why else StoreUnavailable()) from error
