"""Defines how transactions run on any database."""

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
"""The channel on which PostgreSQL notifies of commits."""
_WHY = {
    ErrorKind.READ_ONLY: "the database takes no writes at present: its server is read-only, as after a fail-over",
    ErrorKind.FULL: "the database has no room at present: on its disk, in its memory or for another connection",
    ErrorKind.CONFLICT: "the database rolled this back for others, again and again",
}
"""Texts for callers. For all other kinds the text is that the database cannot be reached."""
Work = Callable[[Connection], T]
"""The work of one transaction. It may run in another thread, and has no effects except through its connection."""


class Database(Protocol):
    """Runs each piece of work entirely or not at all. Raises StoreUnavailable for any failure of the database.

    Raises Overloaded if the caller waits too long, or too many others wait. Urgent work goes before all waiting work
    and does not count towards that limit, so it is only for callers that run one piece at a time.

    A cancelled caller leaves no open transaction: its work is completed or rolled back without it.
    """

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

    async def watch_commits(self, on_commit: Callable[[], None]) -> Never:
        """See VimStore."""


@contextmanager
def errors_as_unavailable() -> Generator[None]:
    try:
        yield
    # OSError: the file is missing, or the server cannot be reached.
    except (DBAPIError, PoolTimeout, OSError, ReadOnlyServer) as error:
        why = _WHY.get(kind_of(error))
        raise (StoreUnavailable(why) if why else StoreUnavailable()) from error
