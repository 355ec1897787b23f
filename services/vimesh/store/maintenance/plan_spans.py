"""Writes the spans of the occurrences that begin within the next day, so that they hold whatever runs by then."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from sqlalchemy import Connection, bindparam, case, delete, exists, insert, literal, select, update

from vimesh.store.change_log.transaction import Changes
from vimesh.store.maintenance.covered_vims import select_covered
from vimesh.store.maintenance.span_book import ENDED, PLANNED
from vimesh.store.maintenance.window_rows import Row, coverage_of, times_of
from vimesh.store.schema.tables import maintenance_spans, maintenances, vims
from vimesh.store.schema.timestamps import micros, micros_of, moment

AHEAD: Final = micros(86400)
_AT_ONCE = 4
"""Occurrences of one window in one transaction: a window that begins every day has two within a day at most."""
_SPAN_COLUMNS: Final = ("vim_id", "maintenance_id", "start_time", "end_time", "announced")
_SET = update(maintenances).where(maintenances.c.id == bindparam("of_window"))
_SPANS_OF = maintenance_spans.c.maintenance_id == bindparam("of_window")
_FORGET_GONE = (
    update(maintenance_spans)
    .where(_SPANS_OF, maintenance_spans.c.announced != ENDED, maintenance_spans.c.vim_id.not_in(select(vims.c.id)))
    .values(announced=ENDED)
)


def plan(changes: Changes, row: Row) -> int:
    """Write the spans that are due, for the VIMs that the window covers now; return how many.

    The spans that it has must have followed all changes.
    """
    next_time, planned_end, written = row["next_time"], row["planned_end"], 0
    for _ in range(_AT_ONCE):
        if next_time is None or next_time > changes.now + AHEAD:
            break
        end = next_time + row["duration"]
        written += _insert(changes.connection, row, next_time, end)
        planned_end = max(planned_end, end)
        following = times_of(row).next_from(moment(next_time + 1))
        next_time = None if following is None else micros_of(following.start)
    values = {"next_time": next_time, "planned_end": planned_end, "revision": changes.newest}
    changes.connection.execute(_SET.values(values), {"of_window": row["id"]})
    return written


def open_occurrences(row: Row, time: int) -> Iterator[tuple[int, int]]:
    """Yield the start and the end of the occurrences whose spans are written, and that end after a time."""
    if row["ended_time"] is not None or row["planned_end"] <= time:
        return
    for occurrence in times_of(row).open_or_later(moment(time)):
        start = micros_of(occurrence.start)
        if row["next_time"] is not None and start >= row["next_time"]:
            return
        yield start, start + row["duration"]


def plan_anew(changes: Changes, row: Row) -> None:
    """Let the spans follow the VIMs as they are now: what has become of them since the last time is not in the log."""
    connection, now = changes.connection, changes.now
    covered = select_covered(coverage_of(row), connection.dialect, vims.c.id)
    cut_off(connection, row["id"], now, maintenance_spans.c.vim_id.not_in(covered))
    # Nobody has to be told of VIMs that are gone.
    connection.execute(_FORGET_GONE, {"of_window": row["id"]})
    for start, end in open_occurrences(row, now):
        _insert(connection, row, max(start, now), end, only_missing=True)


def cut_off(connection: Connection, window_id: str, now: int, *conditions: Any) -> None:  # noqa: ANN401 - SQLAlchemy's
    """End the spans of a window that are not over: those that have not begun are removed."""
    of_window = {"of_window": window_id}
    spans = maintenance_spans.c
    connection.execute(
        delete(maintenance_spans).where(_SPANS_OF, spans.end_time > now, spans.start_time >= now, *conditions),
        of_window,
    )
    connection.execute(
        update(maintenance_spans).where(_SPANS_OF, spans.end_time > now, *conditions).values(end_time=now), of_window
    )


def _insert(connection: Connection, row: Row, start: int, end: int, *, only_missing: bool = False) -> int:
    # An occurrence may have begun, if nothing ran for a day: no VIM has changed meanwhile, but some may be new.
    begin = case((vims.c.create_time > start, vims.c.create_time), else_=start)
    values = (literal(row["id"]), begin, literal(end), literal(PLANNED))
    covered = select_covered(coverage_of(row), connection.dialect, vims.c.id, *values).where(vims.c.create_time < end)
    if only_missing:
        other = maintenance_spans.alias()
        covered = covered.where(
            ~exists().where(other.c.vim_id == vims.c.id, other.c.maintenance_id == row["id"], other.c.end_time == end)
        )
    return connection.execute(insert(maintenance_spans).from_select(_SPAN_COLUMNS, covered)).rowcount
