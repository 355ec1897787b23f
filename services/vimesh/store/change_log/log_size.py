"""Tracks the size of the change log in bytes, counted on each write so that it never has to be summed up.

`revisions.written` counts the bytes of all changes ever made. About once per mebibyte, a row of `segments` records its
value after a change. So one comparison finds the changes that lie before the oldest bytes to keep.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, bindparam, func, insert, select

from vimesh.store.schema.event_documents import FIXED_BYTES, as_text
from vimesh.store.schema.tables import events, revisions, segments
from vimesh.store.sql.prepared_statements import PreparedStatement
from vimesh.store.sql.sql_functions import ByteLength

SEGMENT_BYTES: Final = 1024 * 1024
_MAX_MEASURED = 10_000
_WRITTEN_BYTES = PreparedStatement(select(revisions.c.written))
_INSERT_SEGMENTS = PreparedStatement(
    insert(segments).values(revision=bindparam("revision"), position=bindparam("position"))
)
_BYTES: ColumnElement[int] = (
    FIXED_BYTES
    + ByteLength(events.c.detail)
    + func.coalesce(ByteLength(as_text(events.c.document)), 0)
    + ByteLength(events.c.actor)
)
_UNCOUNTED = (
    select(_BYTES.label("size"))
    .where(events.c.revision > bindparam("counted"))
    .order_by(events.c.revision.desc())
    .limit(_MAX_MEASURED)
    .subquery()
)
_SUM = select(func.coalesce(func.sum(_UNCOUNTED.c.size), 0))


def read_written_bytes(connection: Connection) -> int:
    """Return the bytes of all changes ever written, including those that were dropped since."""
    [[written_bytes]] = _WRITTEN_BYTES.rows(connection, {})
    return int(written_bytes)


def uncounted_bytes(connection: Connection, counted: int) -> int:
    """Return the bytes of the changes after a revision, which conductors of an earlier version wrote.

    Only the newest 10,000 are measured: the caller is a writer that blocks others.
    """
    return int(connection.execute(_SUM, {"counted": counted}).scalar_one())


def insert_segments(connection: Connection, ends: list[dict[str, Any]]) -> None:
    """Record where segments end."""
    _INSERT_SEGMENTS.run(connection, ends)
