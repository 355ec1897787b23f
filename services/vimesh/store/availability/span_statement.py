"""Selects how long VIMs had which status, added up by group: from days that are counted, and from the log since then.

This is a second implementation of `domain.availability.timeline`, in SQL: tests hold one against the other. A reader
has no transaction, so all is one statement: what is counted in the meantime is neither missed nor added twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import (
    CTE,
    ColumnElement,
    FromClause,
    Select,
    String,
    Subquery,
    Table,
    and_,
    case,
    cast,
    exists,
    func,
    literal,
    literal_column,
    null,
    or_,
    select,
    union_all,
)

from vimesh.domain.availability.availability_query import DayRange
from vimesh.domain.availability.counted_days import DAY, first_of_month, next_month
from vimesh.domain.availability.timeline import COUNTED_KINDS, MAINTENANCE
from vimesh.domain.probing import Reason
from vimesh.domain.vims import Status
from vimesh.store.schema.column_types import Whole
from vimesh.store.schema.tables import (
    availability_days,
    availability_months,
    availability_progress,
    availability_states,
    events,
    leases,
    maintenance_spans,
)
from vimesh.store.sql.sql_functions import within

_LAST: Final = 2**62
"""Stands for the revision of a silence that is not on record yet."""
_PROGRESS = select(availability_progress.c.revision).scalar_subquery()


def has_maintenance(days: DayRange) -> Select[Any]:
    """Select whether any maintenance lies in these days: most fleets have none, and then need not look for it."""
    spans = maintenance_spans.c
    return select(exists().where(spans.end_time > days.start, spans.start_time < days.stop))


def span_sums(chosen: CTE, days: DayRange, now: int, *, by_day: bool, with_maintenance: bool) -> Select[Any]:
    """Select the sums for the chosen VIMs, rows of `number`, `vim_id` and the keys `key_0` and so on.

    Each row has the keys, `status`, `reason`, `sign`, and one of two. From counted days: `day`, `days` and `duration`.
    From the log: `begin_day` and `end_day`, in microseconds, in which `spans` spans start and stop, and `into_begin`
    and `into_end`, how far into these days they do, in total. `sign` is -1 for what maintenance takes away.

    `now` is until when to count. It is given, because SQLite's clock goes on between the rows of a statement.
    """
    spans = _clipped(_spans(chosen, now), days.start, min(days.stop, now))
    parts = _counted(chosen, days, by_day=by_day)
    parts.append(_of_spans(spans, (spans.c.status, spans.c.reason), 1))
    if with_maintenance:
        covered = _covered(chosen, spans, days)
        parts.append(_of_spans(covered, (covered.c.status, covered.c.reason), -1))
        parts.append(_of_spans(covered, (_text(MAINTENANCE), _text("")), 1))
    sums = union_all(*parts).subquery()
    return select(sums)


def _keys(source: FromClause) -> Sequence[ColumnElement[Any]]:
    """Return the keys to group by, which spans carry along: to join them later misleads the planner of PostgreSQL."""
    return [column for column in source.c if column.name.startswith("key_")]


def _number(value: int) -> ColumnElement[int]:
    return literal_column(str(value), Whole)


def _text(value: str) -> ColumnElement[str]:
    return cast(literal(str(value), String(64)), String(64))


def _spans(chosen: CTE, now: int) -> Subquery:
    """Select the spans since the last counted change of each VIM; the last one has no `stop`."""
    states, kinds = availability_states.c, or_(events.c.kind.in_(COUNTED_KINDS), events.c.stopped_action_id != "")
    begun = _number(0)
    seen = func.coalesce(events.c.seen_time, events.c.time)
    changes = union_all(
        select(
            states.number,
            begun.label("revision"),
            states.counted_until.label("seen"),
            states.status,
            states.reason,
            *_keys(chosen),
        )
        .select_from(availability_states)
        .join(chosen, chosen.c.number == states.number),
        select(chosen.c.number, events.c.revision, seen, events.c.status, events.c.reason, *_keys(chosen))
        .select_from(events)
        .join(chosen, chosen.c.vim_id == events.c.vim_id)
        # An id may be used again: what came before the registration was of another VIM.
        .where(events.c.revision > _PROGRESS, events.c.revision >= chosen.c.number, kinds),
        select(
            leases.c.number,
            _number(_LAST),
            leases.c.lease_until,
            _text(Status.UNKNOWN),
            _text(Reason.SILENT),
            *_keys(chosen),
        )
        .select_from(leases)
        .join(chosen, chosen.c.number == leases.c.number)
        .where(leases.c.holds, leases.c.lease_until < now),
    ).subquery()
    earlier: dict[str, Any] = {"partition_by": changes.c.number, "order_by": changes.c.revision, "rows": (None, 0)}
    start = func.max(changes.c.seen).over(**earlier).label("start")
    columns = (changes.c.number, changes.c.revision, changes.c.status, changes.c.reason)
    started = select(*columns, *_keys(changes), start).subquery()
    stop = func.lead(started.c.start).over(partition_by=started.c.number, order_by=started.c.revision).label("stop")
    columns = (started.c.number, started.c.status, started.c.reason, started.c.start)
    return select(*columns, *_keys(started), stop).subquery()


def _clipped(spans: Subquery, first: int, end: int) -> CTE:
    """Select the parts of the spans that lie between these times."""
    bounds = (literal(first, Whole), literal(end, Whole))
    start = within(bounds[0], spans.c.start, bounds[1]).label("start")
    stop = within(bounds[0], func.coalesce(spans.c.stop, end), bounds[1]).label("stop")
    parts = select(spans.c.number, spans.c.status, spans.c.reason, *_keys(spans), start, stop).subquery()
    return select(parts).where(parts.c.start < parts.c.stop).cte("clipped_spans")


def _of_table(chosen: CTE, table: Table, first: int, end: int) -> Select[Any]:
    """Select what is counted from a day, which is the first of a month in tables of these, until before another one."""
    counted = table.c
    group = (*_keys(chosen), counted.status, counted.reason)
    of_spans = ("begin_day", "end_day", "spans", "into_begin", "into_end")
    return (
        select(
            *group,
            _number(1).label("sign"),
            counted.day,
            counted.days,
            func.sum(counted.duration).label("duration"),
            *(cast(null(), Whole).label(name) for name in of_spans),
        )
        .select_from(table)
        .join(chosen, chosen.c.number == counted.number)
        .where(counted.day >= first, counted.day < end)
        .group_by(*group, counted.day, counted.days)
    )


def _counted(chosen: CTE, days: DayRange, *, by_day: bool) -> list[Select[Any]]:
    """Select what is counted: whole months by month, the rest by days. Stretches of days begin and end in one month."""
    first = first_of_month(days.first)
    months_from = first if first == days.first else next_month(days.first)
    months_end = first_of_month(days.end)
    if by_day or months_from >= months_end:
        return [_of_table(chosen, availability_days, first, days.end)]
    parts = [_of_table(chosen, availability_months, months_from, months_end)]
    if first < months_from:
        parts.append(_of_table(chosen, availability_days, first, months_from))
    if months_end < days.end:
        parts.append(_of_table(chosen, availability_days, months_end, days.end))
    return parts


def _of_spans(spans: CTE, cause: tuple[Any, Any], sign: int) -> Select[Any]:
    begin_day, end_day = (time - time % DAY for time in (spans.c.start, spans.c.stop))
    group = (*_keys(spans), *cause)
    sums = (func.count(), func.sum(spans.c.start - begin_day), func.sum(spans.c.stop - end_day))
    return (
        select(*group, _number(sign), *(cast(null(), Whole) for _ in range(3)), begin_day, end_day, *sums)
        .select_from(spans)
        .group_by(*group, begin_day, end_day)
    )


def _covered(chosen: CTE, spans: CTE, days: DayRange) -> CTE:
    """Select the parts of the spans that maintenance covers, each once, however many windows do."""
    windows = maintenance_spans.c
    before: dict[str, Any] = {
        "partition_by": windows.vim_id,
        "order_by": (windows.start_time, windows.end_time),
        "rows": (None, -1),
    }
    reach = func.max(windows.end_time).over(**before).label("reach")
    joined = (
        select(windows.vim_id, windows.start_time, windows.end_time, reach)
        .where(windows.end_time > days.start, windows.start_time < days.stop, windows.start_time < windows.end_time)
        .subquery()
    )
    up_to_it: dict[str, Any] = {
        "partition_by": joined.c.vim_id,
        "order_by": (joined.c.start_time, joined.c.end_time),
        "rows": (None, 0),
    }
    begins = case((or_(joined.c.reach.is_(None), joined.c.start_time > joined.c.reach), 1), else_=0)
    island = func.sum(begins).over(**up_to_it).label("island")
    numbered = select(joined, island).subquery()
    islands = (
        select(
            numbered.c.vim_id,
            func.min(numbered.c.start_time).label("start_time"),
            func.max(numbered.c.end_time).label("end_time"),
        )
        .group_by(numbered.c.vim_id, numbered.c.island)
        .subquery()
    )
    overlap = and_(
        islands.c.vim_id == chosen.c.vim_id,
        islands.c.start_time < spans.c.stop,
        islands.c.end_time > spans.c.start,
    )
    return (
        select(
            spans.c.number,
            spans.c.status,
            spans.c.reason,
            *_keys(spans),
            within(spans.c.start, islands.c.start_time, spans.c.stop).label("start"),
            within(spans.c.start, islands.c.end_time, spans.c.stop).label("stop"),
        )
        .select_from(spans)
        .join(chosen, chosen.c.number == spans.c.number)
        .join(islands, overlap)
        .cte("covered_spans")
    )
