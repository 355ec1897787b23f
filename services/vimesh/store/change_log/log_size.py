"""How many bytes the log of changes takes, counted as it is written, so that nobody ever has to add them up.

`revisions.written` counts the bytes of all changes that were ever made. A row of `segments` notes what it was after
some change, about once in a mebibyte. So what lies before the oldest bytes that are kept is found by one comparison.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, bindparam, func, insert, select

from vimesh.store.schema.event_documents import FIXED_BYTES, as_text
from vimesh.store.schema.tables import events, revisions, segments
from vimesh.store.sql.prepared_statements import PreparedStatement

SEGMENT_BYTES: Final = 1024 * 1024
_MOST_MEASURED = 10_000
_WRITTEN = PreparedStatement(select(revisions.c.written))
_NOTE = PreparedStatement(insert(segments).values(revision=bindparam("revision"), position=bindparam("position")))
_BYTES: ColumnElement[int] = (
    FIXED_BYTES + func.length(events.c.detail) + func.coalesce(func.length(as_text(events.c.document)), 0)
)
_UNCOUNTED = (
    select(_BYTES.label("size"))
    .where(events.c.revision > bindparam("counted"))
    .order_by(events.c.revision.desc())
    .limit(_MOST_MEASURED)
    .subquery()
)
_SUM = select(func.coalesce(func.sum(_UNCOUNTED.c.size), 0))


def written(connection: Connection) -> int:
    """Return how many bytes of changes were ever written, those included that were dropped since."""
    [[found]] = _WRITTEN.rows(connection, {})
    return int(found)


def uncounted(connection: Connection, counted: int) -> int:
    """Return the bytes of the changes after a revision, which conductors of an earlier version wrote.

    Only of the newest of them, if they are many: a writer is waiting.
    """
    return int(connection.execute(_SUM, {"counted": counted}).scalar_one())


def note(connection: Connection, ends: list[dict[str, Any]]) -> None:
    """Note where segments have ended."""
    _NOTE.run(connection, ends)
