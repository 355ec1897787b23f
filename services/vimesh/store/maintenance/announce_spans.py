"""Tells watchers of spans that began or ended: each is a change of its VIM (G8)."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, bindparam, exists, or_, select, update

from vimesh.domain.events import EventKind
from vimesh.store.change_log.transaction import Changes, previous_of
from vimesh.store.leases.lapse_leases import LAPSE_COLUMNS, SILENCE_COLUMNS, record_silence
from vimesh.store.maintenance.span_book import ENDED, KEY, PLANNED, STARTED
from vimesh.store.rows.batch_update import BatchUpdate
from vimesh.store.rows.maintenance_documents import document_of_maintenance
from vimesh.store.rows.visible_rows import STANDING_AND_LEASE, VIM_ID, Row
from vimesh.store.schema.maintenance_tables import maintenance_spans
from vimesh.store.schema.tables import leases, standings
from vimesh.store.shown_vims.current_maintenance import read_current
from vimesh.store.sql.sql_functions import NowMicros

_SPANS = maintenance_spans.c
_AFTER: Final = {EventKind.MAINTENANCE_STARTED: STARTED, EventKind.MAINTENANCE_ENDED: ENDED}


def _due(order: ColumnElement[int], *conditions: ColumnElement[bool]) -> Select[Any]:
    """Select the first spans in an order that an index has: a window may cover all VIMs, and sorts would read all."""
    return (
        select(
            leases,
            VIM_ID,
            *(standings.c[name] for name in ("engine", "action_id", *SILENCE_COLUMNS)),
            _SPANS.maintenance_id,
            _SPANS.start_time,
        )
        .select_from(maintenance_spans.join(STANDING_AND_LEASE, standings.c.vim_id == _SPANS.vim_id))
        .where(*conditions)
        .order_by(order)
        .limit(bindparam("count"))
    )


_BEGUN = _due(
    _SPANS.start_time,
    _SPANS.announced == PLANNED,
    _SPANS.start_time <= bindparam("now"),
    _SPANS.end_time > bindparam("now"),
)
_OVER = _due(_SPANS.end_time, _SPANS.announced == STARTED, _SPANS.end_time <= bindparam("now"))
# Nobody was told that they began: all conductors were down.
_MISSED = (
    update(maintenance_spans)
    .where(_SPANS.announced == PLANNED, _SPANS.end_time <= bindparam("now"))
    .values(announced=ENDED)
)
_HAS_DUE = select(
    or_(
        exists().where(_SPANS.announced == PLANNED, _SPANS.start_time <= NowMicros()),
        exists().where(_SPANS.announced == STARTED, _SPANS.end_time <= NowMicros()),
    )
)
_UPDATES = (BatchUpdate(standings, ("number",), SILENCE_COLUMNS), BatchUpdate(leases, ("number",), LAPSE_COLUMNS))
_MARK = BatchUpdate(maintenance_spans, KEY, ("announced",))


def has_due(connection: Connection) -> bool:
    """Return whether `announce` has anything to do."""
    return bool(connection.execute(_HAS_DUE).scalar_one())


class Announced(NamedTuple):
    started: int
    ended: int
    more: bool
    """Whether there may be more."""


def announce(changes: Changes, limit: int) -> Announced:
    """Add an event for each of up to `limit` spans that began or ended.

    Begins come first: where one window follows another, no watcher sees a moment without maintenance.
    """
    connection, now = changes.connection, {"now": changes.now}
    connection.execute(_MISSED, now)
    begun = connection.execute(_BEGUN, {**now, "count": limit}).mappings().all()
    over = (
        connection.execute(_OVER, {**now, "count": limit - len(begun)}).mappings().all() if len(begun) < limit else []
    )
    due = [(EventKind.MAINTENANCE_STARTED, row) for row in begun] + [(EventKind.MAINTENANCE_ENDED, row) for row in over]
    if not due:
        return Announced(0, 0, more=False)
    current = read_current(connection, [row["id"] for _, row in due], changes.now)
    stored: dict[int, Row] = {}
    after: dict[int, Row] = {}
    for kind, row in due:
        number = row["number"]
        before = after[number] if number in after else record_silence(row, changes)
        stored.setdefault(number, row)
        after[number] = {**before, "revision": changes.next_revision()}
        changes.add(
            kind,
            after[number],
            previous=previous_of(before),
            document=document_of_maintenance(current.get(row["id"])),
        )
    for batch_update in _UPDATES:
        batch_update.run(connection, [batch_update.values(stored[number], after[number]) for number in stored])
    _MARK.run(connection, [(_AFTER[kind], row["id"], row["maintenance_id"], row["start_time"]) for kind, row in due])
    return Announced(len(begun), len(over), more=len(due) == limit)
