"""Finds changes by their time. The log has no index by time, but is in its order."""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, select

from vimesh.store.schema.tables import events, revisions
from vimesh.store.sql.prepared_statements import PreparedStatement

_SPAN = PreparedStatement(select(revisions.c.oldest, revisions.c.newest))
_FROM = PreparedStatement(
    select(events.c.revision, events.c.time)
    .where(events.c.revision >= bindparam("from_revision"))
    .order_by(events.c.revision)
    .limit(1)
)


def first_revision_since(connection: Connection, time: int) -> int:
    """Return the first revision of changes at or after a time, in microseconds; if there is none, the next one."""
    [[oldest, newest]] = _SPAN.rows(connection, {})
    low, high = int(oldest), int(newest) + 1
    while low < high:
        middle = (low + high) // 2
        found = _FROM.rows(connection, {"from_revision": middle})
        if found and found[0][1] < time:
            low = found[0][0] + 1
        else:
            high = middle
    return low
