"""Writes the spans of the occurrences that begin within the next day, so that they hold whatever runs by then."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from sqlalchemy import ColumnElement, Connection, bindparam, case, delete, exists, func, insert, literal, select, update

from vimesh.store.change_log.transaction import Changes
from vimesh.store.maintenance.covered_vims import select_covered
from vimesh.store.maintenance.span_book import ENDED, PLANNED
from vimesh.store.maintenance.window_rows import Row, coverage_of, times_of
from vimesh.store.schema.maintenance_tables import maintenance_spans, maintenances
from vimesh.store.schema.tables import standings, vims
from vimesh.store.schema.timestamps import micros, micros_of, moment

AHEAD: Final = micros(86400)
VIMS_AT_ONCE: Final = 1000
"""VIMs that get a span in one transaction, for which reports wait: SQLite needs about 35 us for each."""
LOOKED_AT_ONCE: Final = 20_000
"""VIMs of which one transaction looks for those that are covered: a window of few is written at once."""
_NO_LIMIT: Final = 2**31
_NUMBERS = (
    select(standings.c.number)
    .where(standings.c.number > bindparam("after"))
    .order_by(standings.c.number)
    .limit(bindparam("count"))
    .subquery()
)
_TURN = select(func.max(_NUMBERS.c.number))
"""The last of so many numbers."""
_SPAN_COLUMNS: Final = ("vim_id", "maintenance_id", "start_time", "end_time", "announced")
_SET = update(maintenances).where(maintenances.c.id == bindparam("of_window"))
_SPANS_OF = maintenance_spans.c.maintenance_id == bindparam("of_window")
_FORGET_GONE = (
    update(maintenance_spans)
    .where(_SPANS_OF, maintenance_spans.c.announced != ENDED, maintenance_spans.c.vim_id.not_in(select(vims.c.id)))
    .values(announced=ENDED)
)


def plan(changes: Changes, row: Row) -> bool:
    """Write spans that are due, of the VIMs of one turn; return whether there are more.

    They are of the VIMs that the window covers now. The spans that it has must have followed all changes. Until all
    VIMs had their turn, the occurrence counts as open for those that change: see `open_occurrences`.
    """
    start, connection = row["next_time"], changes.connection
    if start is None or start > changes.now + AHEAD:
        return False
    end, after = start + row["duration"], row["planned_number"]
    last = _end_of_turn(connection, row, after or 0)
    if last is not None:
        # What changed meanwhile has its span already.
        of_turn = standings.c.number.between((after or 0) + 1, last)
        _insert(connection, row, start, end, of_turn, only_missing=after is not None)
    is_done = last is None or connection.execute(_TURN, {"after": last, "count": 1}).scalar() is None
    following = times_of(row).next_from(moment(start + 1)) if is_done else None
    values = {"planned_number": last, "planned_end": max(row["planned_end"], end), "revision": changes.newest}
    if is_done:
        values |= {"planned_number": None, "next_time": None if following is None else micros_of(following.start)}
    connection.execute(_SET.values(values), {"of_window": row["id"]})
    return not is_done or (following is not None and micros_of(following.start) <= changes.now + AHEAD)


def _end_of_turn(connection: Connection, row: Row, after: int) -> int | None:
    """Return the number of the last VIM whose turn it is, or None if all had theirs."""
    # A window of ids covers few.
    count = _NO_LIMIT if row["vim_ids"] else LOOKED_AT_ONCE
    last: int | None = connection.execute(_TURN, {"after": after, "count": count}).scalar()
    if last is None or row["vim_ids"]:
        return last
    numbers = select_covered(coverage_of(row), connection.dialect, standings.c.number)
    of_span = numbers.where(standings.c.number.between(after + 1, last)).order_by(standings.c.number)
    cut: int | None = connection.execute(of_span.limit(1).offset(VIMS_AT_ONCE - 1)).scalar()
    return last if cut is None else cut


def open_occurrences(row: Row, time: int) -> Iterator[tuple[int, int]]:
    """Yield the start and the end of the occurrences whose spans are written, or begun to be, after a time."""
    if row["ended_time"] is not None or row["planned_end"] <= time:
        return
    for occurrence in times_of(row).open_or_later(moment(time)):
        start = micros_of(occurrence.start)
        if row["next_time"] is not None and start >= row["next_time"] + (row["planned_number"] is not None):
            return
        yield start, start + row["duration"]


def plan_anew(changes: Changes, row: Row) -> None:
    """Let the spans follow the VIMs as they are now: what has become of them since the last time is not in the log."""
    connection, now = changes.connection, changes.now
    covered = select_covered(coverage_of(row), connection.dialect, vims.c.id)
    _cut_off(connection, row["id"], now, maintenance_spans.c.vim_id.not_in(covered))
    # Nobody has to be told of VIMs that are gone.
    connection.execute(_FORGET_GONE, {"of_window": row["id"]})
    for start, end in open_occurrences(row, now):
        _insert(connection, row, max(start, now), end, only_missing=True)


def _cut_off(connection: Connection, window_id: str, now: int, condition: ColumnElement[bool]) -> None:
    """End the spans of a window that are not over: those that have not begun are removed."""
    of_window = {"of_window": window_id}
    spans = maintenance_spans.c
    connection.execute(
        delete(maintenance_spans).where(_SPANS_OF, spans.end_time > now, spans.start_time >= now, condition),
        of_window,
    )
    connection.execute(
        update(maintenance_spans).where(_SPANS_OF, spans.end_time > now, condition).values(end_time=now), of_window
    )


def _insert(
    connection: Connection,
    row: Row,
    start: int,
    end: int,
    *conditions: ColumnElement[bool],
    only_missing: bool = False,
) -> None:
    # An occurrence may have begun, if nothing ran for a day: no VIM has changed meanwhile, but some may be new.
    begin = case((vims.c.create_time > start, vims.c.create_time), else_=start)
    values = (literal(row["id"]), begin, literal(end), literal(PLANNED))
    covered = select_covered(coverage_of(row), connection.dialect, vims.c.id, *values).where(
        vims.c.create_time < end, *conditions
    )
    if only_missing:
        other = maintenance_spans.alias()
        # Not by the index of windows: each VIM would be looked for among all that the window covers.
        of_window = func.coalesce(other.c.maintenance_id, "") == row["id"]
        covered = covered.where(~exists().where(other.c.vim_id == vims.c.id, other.c.end_time == end, of_window))
    connection.execute(insert(maintenance_spans).from_select(_SPAN_COLUMNS, covered))
