"""Turns expired leases, which readers already see as UNKNOWN, into events for watchers (G6, G8)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, FromClause, Select, bindparam, exists, select

from vimesh.domain.events import EventKind
from vimesh.domain.vims import Status
from vimesh.store.change_log.transaction import Changes, previous_of
from vimesh.store.rows.batch_update import BatchUpdate
from vimesh.store.rows.visible_rows import SILENT, STANDING_AND_LEASE, VIM_ID, Row, silent_columns
from vimesh.store.schema.tables import leases, standings

SILENCE_COLUMNS = ("status", "reason", "detail", "round_trip_s", "status_time", "revision")
LAPSE_COLUMNS = ("holds",)
"""The columns of a standing and of a lease that record a silence."""


def oldest_leases(among: FromClause, *conditions: ColumnElement[bool]) -> Select[Any]:
    """Return the query for at most `count` leases, those that end first. The caller may add columns."""
    # Many may have ended, so sort only the keys, not whole rows.
    numbers = (
        select(leases.c.number.label("row"))
        .select_from(among)
        .where(*conditions)
        .order_by(leases.c.lease_until, leases.c.number)
        .limit(bindparam("count"))
        .subquery()
    )
    return (
        select(leases)
        .select_from(numbers.join(STANDING_AND_LEASE, leases.c.number == numbers.c.row))
        .order_by(leases.c.lease_until, leases.c.number)
    )


_HAS_SILENT = select(exists().where(SILENT))
_OLDEST_SILENT = oldest_leases(leases, leases.c.holds, leases.c.lease_until < bindparam("now")).add_columns(
    VIM_ID, *(standings.c[name] for name in ("engine", "action_id", *SILENCE_COLUMNS))
)
_UPDATES = (BatchUpdate(standings, ("number",), SILENCE_COLUMNS), BatchUpdate(leases, ("number",), LAPSE_COLUMNS))


def has_silent(connection: Connection) -> bool:
    """Return whether `record_lapses` has anything to do."""
    return bool(connection.execute(_HAS_SILENT).scalar_one())


def record_lapses(connection: Connection, limit: int) -> int:
    """Record the oldest silences, up to `limit`; return how many."""
    changes = Changes.begin(connection)
    silent_rows = connection.execute(_OLDEST_SILENT, {"now": changes.now, "count": limit}).mappings().all()
    lapsed = [(row, record_silence(row, changes)) for row in silent_rows]
    write_silences(connection, lapsed)
    changes.write()
    return len(lapsed)


def write_silences(connection: Connection, lapsed: Sequence[tuple[Row, Row]]) -> None:
    """Write rows, given as they were and with their silences recorded."""
    for batch_update in _UPDATES:
        batch_update.run(connection, [batch_update.values(row, after) for row, after in lapsed])


def record_silence(row: Row, changes: Changes) -> Row:
    """Return a row that is about to be changed, with its unrecorded silence, if any, applied and added to `changes`.

    The silence is logged before the change that ends it, so a watcher that has read UNKNOWN gets both events.
    """
    lapsed = row["lease_until"] < changes.now
    if not (row["holds"] and lapsed):
        return {**row, "lapsed": lapsed}
    after = {**row, **silent_columns(row), "lapsed": lapsed, "revision": changes.next_revision()}
    was_known = row["status"] != Status.UNKNOWN
    changes.add(
        EventKind.STATUS_CHANGED if was_known else EventKind.REASON_CHANGED,
        after,
        previous=previous_of(row),
        seen=row["lease_until"],
    )
    return after
