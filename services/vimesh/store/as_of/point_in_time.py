"""Finds the change after which the log stood at a time, and refuses times of which too little is kept."""

from __future__ import annotations

import datetime as dt
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, select

from vimesh.domain.errors import BadInput, TimeNotKept, Violation
from vimesh.store.rows.log_times import first_revision_since
from vimesh.store.schema.tables import events, revisions
from vimesh.store.schema.timestamps import micros_of, moment
from vimesh.store.sql.sql_functions import NowMicros

_FIRST_REVISION = 2
"""Creating the log is revision 1 and has no event: before it, there were no VIMs."""
_HEAD = select(
    *(revisions.c[name] for name in ("oldest", "newest", "undoable_from", "undoable_until")),
    *(revisions.c[name] for name in ("dropped_until", "dropped_time")),
    NowMicros().label("now"),
)
_TIME = select(events.c.time).where(events.c.revision == bindparam("revision"))


class PointInTime(NamedTuple):
    time: int
    """In microseconds since 1970, by the database's clock."""
    revision: int
    """The newest change that had been made by then."""


def find_point(connection: Connection, time: dt.datetime) -> PointInTime:
    """Raise BadInput for a time in the future, TimeNotKept if changes since then are gone or cannot be undone."""
    at = micros_of(time)
    require_kept(connection, at)
    return PointInTime(at, first_revision_since(connection, at + 1) - 1)


def require_kept(connection: Connection, time: int) -> None:
    """Raise as `find_point`."""
    head = connection.execute(_HEAD).one()
    if time > head.now:
        raise BadInput(Violation("as_of", "is in the future"))
    first = max(head.oldest, head.undoable_from) if head.undoable_until == head.newest else head.newest + 1
    if first <= _FIRST_REVISION:
        return
    if first == head.oldest == head.dropped_until + 1:
        earliest = head.dropped_time
    else:
        # The changes before the first one may have been made until just before its time.
        earliest = connection.execute(_TIME, {"revision": first}).scalar() or head.now
    if time < earliest:
        raise TimeNotKept(moment(earliest))
