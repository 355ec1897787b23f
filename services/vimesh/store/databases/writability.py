"""Checks whether a database accepts writes, without changing anything."""

from __future__ import annotations

from sqlalchemy import Connection, select, text

from vimesh.store.change_log.transaction import Changes
from vimesh.store.sql.sql_functions import ReadOnly
from vimesh.store.transactions.driver_errors import ReadOnlyServer

_READ_ONLY = select(ReadOnly())
# There is no such row, so this locks and logs nothing; but a server that accepts no writes rejects it.
_WRITE_NOTHING = text("UPDATE revisions SET newest = newest WHERE id = 0")
_WRITE_THE_SAME = text("UPDATE revisions SET newest = newest WHERE id = 1")


def require_writes(connection: Connection) -> None:
    """Raise ReadOnlyServer if the server is read-only, even if it would let this user write."""
    if connection.execute(_READ_ONLY).scalar_one():
        raise ReadOnlyServer


def write_nothing(connection: Connection) -> None:
    """Raise ReadOnlyServer or DBAPIError if nothing can be written. Does not wait for other writers."""
    require_writes(connection)
    connection.execute(_WRITE_NOTHING)


def write_the_same(connection: Connection) -> None:
    """Rewrite the stored value: only a real commit shows a full disk, or a wait for replicas that are gone."""
    Changes.begin(connection)
    connection.execute(_WRITE_THE_SAME)
