"""Turns errors of databases into StoreUnavailable, and explains that to the user of a command."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from vimesh.domain.errors import Overloaded, StoreUnavailable
from vimesh.store.connections.connection_errors import CannotConnect, cause_of
from vimesh.store.databases.error_kinds import kind_of
from vimesh.store.dialects.registry import ERROR_CODES
from vimesh.store.transactions.driver_errors import ErrorKind, ReadOnlyServer

_WHY: Final = {
    ErrorKind.READ_ONLY: "the database takes no writes at present: its server is read-only, as after a fail-over",
    ErrorKind.FULL: "the database has no room at present: on its disk, in its memory or for another connection",
    ErrorKind.CONFLICT: "the database rolled this back for others, again and again",
}
"""Texts for callers. For all other kinds the text is that the database cannot be reached."""

_OVERLOADED = "overloaded"


def no_errors() -> Counter[str]:
    """Return a count of no error of each kind: Prometheus misses the first one of a counter that begins with it."""
    return Counter(dict.fromkeys((_OVERLOADED, *(kind.name.lower() for kind in ErrorKind)), 0))


@contextmanager
def errors_as_unavailable(counts: Counter[str] | None = None) -> Generator[None]:
    """Raise StoreUnavailable for errors of the database. `counts`: where they are counted, by kind."""
    try:
        yield
    except Overloaded:
        _count(counts, _OVERLOADED)
        raise
    # OSError: the file is missing, or the server cannot be reached.
    except (DBAPIError, PoolTimeout, OSError, ReadOnlyServer) as error:
        kind = kind_of(error)
        _count(counts, kind.name.lower())
        why = _WHY.get(kind)
        raise (StoreUnavailable(why) if why else StoreUnavailable()) from error


def _count(counts: Counter[str] | None, kind: str) -> None:
    if counts is not None:
        counts[kind] += 1


def explain_unavailable(error: StoreUnavailable) -> str:
    """Return why the database cannot be used, for the user of a command."""
    cause = error.__cause__
    if isinstance(cause, CannotConnect):
        return str(cause)
    if cause is None:
        return str(error)
    if kind_of(cause) is ErrorKind.READ_ONLY:
        return error.why
    # The driver's own error: the wrapper contains the statement.
    driver_error = getattr(cause, "orig", None) or cause
    return f"the database cannot be used: {cause_of(driver_error, ERROR_CODES)}"
