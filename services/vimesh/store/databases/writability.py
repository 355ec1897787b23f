"""Whether a database takes writes: found out without a change."""

from __future__ import annotations

from sqlalchemy import Connection, select, text

from vimesh.store.change_log.transaction import Changes
from vimesh.store.sql.sql_functions import ReadOnly
from vimesh.store.transactions.driver_errors import ReadOnlyServer

_READ_ONLY = select(ReadOnly())
# Refused by a server that takes no writes, though there is no such row; it locks and logs nothing.
_WRITE_NOTHING = text("UPDATE revisions SET newest = newest WHERE id = 0")
_WRITE_THE_SAME = text("UPDATE revisions SET newest = newest WHERE id = 1")


def require_writes(connection: Connection) -> None:
    """Raise ReadOnlyServer where nothing is to be written, also if it could be."""
    if connection.execute(_READ_ONLY).scalar_one():
        raise ReadOnlyServer


def write_nothing(connection: Connection) -> None:
    """Raise ReadOnlyServer, or DBAPIError, where nothing can be written. Waits for no other writer."""
    require_writes(connection)
    connection.execute(_WRITE_NOTHING)


def write_the_same(connection: Connection) -> None:
    """Write what is there: where disks are full, or a commit waits for replicas that are gone, only that tells."""
    Changes.begin(connection)
    connection.execute(_WRITE_THE_SAME)
