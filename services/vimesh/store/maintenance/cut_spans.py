"""Cuts the spans of windows that people ended early: a part of them in each transaction, for reports wait meanwhile.

A span that is not cut yet ends later than its window: that alone says what is left to do, so whoever goes on needs to
know nothing else. Each span ends when its window was ended, however late it is cut.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, bindparam, delete, exists, select

from vimesh.store.maintenance.span_book import KEY
from vimesh.store.rows.batch_update import BatchUpdate
from vimesh.store.schema.maintenance_tables import maintenance_spans, maintenances
from vimesh.store.sql.sql_functions import among

SPANS_AT_ONCE: Final = 1000
"""Spans that are cut in one transaction."""
_SPANS = maintenance_spans.c
_WINDOWS = maintenances.c
_UNCUT = select(_WINDOWS.id, _WINDOWS.ended_time).where(
    _WINDOWS.closed.is_(False),
    _WINDOWS.ended_time.is_not(None),
    exists().where(_SPANS.maintenance_id == _WINDOWS.id, _SPANS.end_time > _WINDOWS.ended_time),
)
_NEXT = (
    select(_SPANS.vim_id, _SPANS.maintenance_id, _SPANS.start_time)
    .where(_SPANS.maintenance_id == bindparam("of_window"), _SPANS.end_time > bindparam("ended"))
    .limit(bindparam("count"))
)
_REMOVE = delete(maintenance_spans).where(
    among(_SPANS.vim_id, "ids"),
    _SPANS.maintenance_id == bindparam("of_window"),
    _SPANS.start_time >= bindparam("ended"),
)
_CUT = BatchUpdate(maintenance_spans, KEY, ("end_time",))


def has_uncut(connection: Connection) -> bool:
    """Return whether `cut_any` has anything to do."""
    return connection.execute(_UNCUT.limit(1)).first() is not None


def cut_any(connection: Connection) -> bool:
    """Cut spans of a window that was ended, if there are any; return whether there may be more."""
    row = connection.execute(_UNCUT.limit(1)).first()
    return row is not None and cut_some(connection, row.id, row.ended_time)


def cut_some(connection: Connection, window_id: str, ended: int) -> bool:
    """End spans of a window at a time, and remove those that begin later; return whether there may be more."""
    of_window = {"of_window": window_id, "ended": ended}
    keys = connection.execute(_NEXT, {**of_window, "count": SPANS_AT_ONCE}).all()
    if coming := [key.vim_id for key in keys if key.start_time >= ended]:
        connection.execute(_REMOVE, {**of_window, "ids": coming})
    _CUT.run(connection, [(ended, *key) for key in keys if key.start_time < ended])
    return len(keys) == SPANS_AT_ONCE
