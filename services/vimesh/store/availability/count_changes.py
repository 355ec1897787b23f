"""Counts changes into days, so that availability outlives the log: changes are dropped only after they were counted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import takewhile
from typing import Any, Final

from sqlalchemy import Connection, Row, bindparam, delete, insert, select, update

from vimesh.domain.availability.counted_days import Counts, Stretch, add, count_by_days, count_by_months
from vimesh.domain.availability.timeline import (
    StatusChange,
    TimeSpan,
    begins_span,
    status_spans,
    under_maintenance,
    union,
)
from vimesh.domain.events import EventKind
from vimesh.store.availability.duration_table import DurationTable
from vimesh.store.rows.batch_update import BatchUpdate
from vimesh.store.schema.availability_tables import (
    availability_days,
    availability_months,
    availability_progress,
    availability_states,
)
from vimesh.store.schema.maintenance_tables import maintenance_spans
from vimesh.store.schema.tables import events
from vimesh.store.schema.timestamps import micros
from vimesh.store.sql.prepared_statements import PreparedStatement
from vimesh.store.sql.sql_functions import NowMicros, among

COUNTED_AFTER_S: Final = 3600.0
"""Changes wait for this long, so that those of a day, and of a storm, are counted together and not in its middle."""
_PROGRESS = select(availability_progress.c.revision)
_LOCK = _PROGRESS.with_for_update()
_MOVE = update(availability_progress).values(revision=bindparam("to"))
_CLOCK = select(NowMicros())
_NEXT = (
    select(
        *(events.c[name] for name in ("revision", "vim_id", "kind", "time", "seen_time", "status", "reason")),
        events.c.stopped_action_id,
    )
    .where(events.c.revision > bindparam("revision"))
    .order_by(events.c.revision)
    .limit(bindparam("count"))
)
_OLDEST = select(events.c.time).where(events.c.revision > bindparam("revision")).order_by(events.c.revision).limit(1)
_STATES = PreparedStatement(select(availability_states).where(among(availability_states.c.vim_id, "ids")))
_INSERT_STATES = insert(availability_states)
_UPDATE_STATES = BatchUpdate(availability_states, ("number",), ("counted_until", "status", "reason"))
_DELETE_STATES = delete(availability_states).where(availability_states.c.number == bindparam("of_number"))
_SPANS = PreparedStatement(
    select(maintenance_spans.c.vim_id, maintenance_spans.c.start_time, maintenance_spans.c.end_time).where(
        among(maintenance_spans.c.vim_id, "ids"),
        maintenance_spans.c.start_time < bindparam("before"),
        maintenance_spans.c.end_time > bindparam("after"),
    )
)
_TABLES = (DurationTable(availability_days), DurationTable(availability_months))


def counted_revision(connection: Connection) -> int:
    """Return the newest change that is counted: later ones must stay in the log."""
    return int(connection.execute(_PROGRESS).scalar_one())


def has_uncounted(connection: Connection) -> bool:
    """Return whether a change has waited long enough to be counted."""
    now, revision = connection.execute(_CLOCK).scalar_one(), counted_revision(connection)
    oldest = connection.execute(_OLDEST, {"revision": revision}).scalar()
    return oldest is not None and oldest < now - micros(COUNTED_AFTER_S)


def count_changes(connection: Connection, limit: int, *, all_up_to: int = 0) -> int:
    """Count up to `limit` changes that have waited long enough, or that are not after `all_up_to`; return how many."""
    revision = connection.execute(_LOCK).scalar_one()
    ripe = connection.execute(_CLOCK).scalar_one() - micros(COUNTED_AFTER_S)
    following: Sequence[Any] = connection.execute(_NEXT, {"revision": revision, "count": limit}).all()
    rows = list(takewhile(lambda row: row.time < ripe or row.revision <= all_up_to, following))
    if rows:
        _Counting(connection, rows).write()
        connection.execute(_MOVE, {"to": rows[-1].revision})
    return len(rows)


class _Counting:
    """Counts some changes, one VIM after the other."""

    def __init__(self, connection: Connection, rows: Sequence[Row[Any]]) -> None:
        self._connection = connection
        self._changes: dict[str, list[Row[Any]]] = {}
        for row in rows:
            self._changes.setdefault(row.vim_id, []).append(row)
        ids = {"ids": list(self._changes)}
        self._before = {
            row[1]: dict(zip(availability_states.c.keys(), row, strict=True)) for row in _STATES.rows(connection, ids)
        }
        self._maintenance = self._read_maintenance()
        self._days: dict[int, dict[Stretch, Counts]] = {}
        self._after = dict(self._before)
        self._gone: list[int] = []

    def _read_maintenance(self) -> Mapping[str, list[TimeSpan]]:
        spans: dict[str, list[TimeSpan]] = {}
        times = [row.time for rows in self._changes.values() for row in rows]
        # A VIM that is registered by one of these changes is counted from there.
        times += [state["counted_until"] for state in self._before.values()]
        between = {"ids": list(self._changes), "after": min(times), "before": max(times)}
        for vim_id, start, stop in _SPANS.rows(self._connection, between):
            spans.setdefault(vim_id, []).append(TimeSpan(start, stop))
        return {vim_id: union(of_vim) for vim_id, of_vim in spans.items()}

    def write(self) -> None:
        for vim_id, rows in self._changes.items():
            for life in _lives(rows):
                self._count(vim_id, life)
        self._write_states()
        by_days, by_months = _TABLES
        by_days.add(self._connection, self._days)
        by_months.add(self._connection, {number: count_by_months(days) for number, days in self._days.items()})

    def _count(self, vim_id: str, rows: Sequence[Row[Any]]) -> None:
        """Count changes of a VIM from its registration, or from its state, on."""
        first, last = rows[0], rows[-1]
        if first.kind == EventKind.REGISTERED:
            self._after[vim_id] = {"number": first.revision, "vim_id": vim_id, "counted_until": first.time}
        elif vim_id not in self._after:
            # Removed while the tables were made: it was never counted.
            return
        state = self._after[vim_id]
        if last.kind == EventKind.DEREGISTERED:
            # A VIM that is gone takes its days with it.
            self._days.pop(state["number"], None)
            self._gone.append(self._after.pop(vim_id)["number"])
            return
        changes = [StatusChange(state["counted_until"], state.get("status", ""), state.get("reason", ""))]
        changes += [
            StatusChange(row.time if row.seen_time is None else row.seen_time, row.status, row.reason)
            for row in rows
            if begins_span(row.kind, row.stopped_action_id)
        ]
        until = max(change.seen for change in changes)
        spans = under_maintenance(status_spans(changes, until), self._maintenance.get(vim_id, ()))
        days = self._days.setdefault(state["number"], {})
        for stretch, of_stretch in count_by_days(spans).items():
            for cause, duration in of_stretch.items():
                add(days.setdefault(stretch, {}), cause, duration)
        self._after[vim_id] = {
            **state,
            "counted_until": until,
            "status": changes[-1].status,
            "reason": changes[-1].reason,
        }

    def _write_states(self) -> None:
        gone = [{"of_number": number} for number in self._gone]
        if gone:
            self._connection.execute(_DELETE_STATES, gone)
            for table in _TABLES:
                table.delete(self._connection, gone)
        earlier = {state["number"] for state in self._before.values()}
        touched = [self._after[vim_id] for vim_id in self._changes if vim_id in self._after]
        if new := [state for state in touched if state["number"] not in earlier]:
            self._connection.execute(_INSERT_STATES, new)
        changed = [state for state in touched if state["number"] in earlier]
        _UPDATE_STATES.run(self._connection, [_UPDATE_STATES.values(state, state) for state in changed])


def _lives(rows: Sequence[Row[Any]]) -> Iterable[list[Row[Any]]]:
    """Split the changes of a VIM id where a VIM with this id was registered or removed: ids can be used again."""
    life: list[Row[Any]] = []
    for row in rows:
        if life and (row.kind == EventKind.REGISTERED or life[-1].kind == EventKind.DEREGISTERED):
            yield life
            life = []
        life.append(row)
    yield life
