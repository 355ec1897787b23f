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
from vimesh.domain.availability.timeline import COUNTED_KINDS
from vimesh.domain.probing import Reason
from vimesh.domain.vims import Status
from vimesh.store.schema.availability_tables import (
    availability_days,
    availability_months,
    availability_progress,
    availability_states,
)
from vimesh.store.schema.column_types import Whole
from vimesh.store.schema.maintenance_tables import maintenance_spans
from vimesh.store.schema.tables import events, leases
from vimesh.store.sql.sql_functions import within

_LAST: Final = 2**62
"""Stands for the revision of a silence that is not on record yet."""
_PROGRESS = select(availability_progress.c.revision).scalar_subquery()


def has_maintenance(days: DayRange) -> Select[Any]:
    """Select whether any maintenance lies in these days: most fleets have none, and then need not look for it."""
    spans = maintenance_spans.c
    return select(exists().where(spans.end_time > days.start, spans.start_time < days.stop))


def has_silences(now: int) -> Select[Any]:
    """Select whether any silence is not on record yet: the sweep records them within seconds.

    A lease that has not ended by `now` is never set back, so none is missed by a statement that follows.
    """
    return select(exists().where(leases.c.lease_until < now, leases.c.holds))


def span_sums(  # noqa: PLR0913 - what to sum up, and what can be left out
    chosen: CTE, days: DayRange, now: int, *, by_day: bool, with_maintenance: bool, with_silences: bool
) -> Select[Any]:
    """Select the sums for the chosen VIMs, rows of `number`, `vim_id` and the keys `key_0` and so on.

    Each row has the keys, `status`, `reason`, `sign`, and one of two. From counted days: `day`, `days` and `duration`.
    From the log: `begin_day` and `end_day`, in microseconds, in which `spans` spans start and stop, and `into_begin`
    and `into_end`, how far into these days they do, in total. `sign` is -1 for what maintenance takes away.

    `now` is until when to count. It is given, because SQLite's clock goes on between the rows of a statement.
    """
    parts = _counted(chosen, days, by_day=by_day)
    later = _later_changes(chosen, now, with_silences=with_silences)
    # Each kind is added up by itself: a union of all their spans would be a table of all VIMs, made for each question.
    for kind, spans in (("unchanged", _unchanged_spans(chosen, later)), ("changed", _changed_spans(later))):
        clipped = _clipped(spans, days.start, min(days.stop, now)).cte(f"{kind}_spans")
        parts.append(_of_spans(clipped, 1))
        if with_maintenance:
            parts.append(_of_spans(_covered(chosen, clipped, days).cte(f"covered_{kind}_spans"), -1))
    sums = union_all(*parts).subquery()
    return select(sums)


def _keys(source: FromClause) -> Sequence[ColumnElement[Any]]:
    """Return the keys to group by, which spans carry along: to join them later misleads the planner of PostgreSQL."""
    return [column for column in source.c if column.name.startswith("key_")]


def _number(value: int) -> ColumnElement[int]:
    return literal_column(str(value), Whole)


def _text(value: str) -> ColumnElement[str]:
    return cast(literal(str(value), String(64)), String(64))


def _unchanged_spans(chosen: CTE, later: CTE) -> Select[Any]:
    """Select the span of each VIM that has not changed since its last counted change, as nearly all have not."""
    states = availability_states.c
    unended = cast(null(), Whole).label("stop")
    return _of_states(chosen, states.counted_until.label("start"), unended).where(
        states.number.not_in(select(later.c.number))
    )


def _changed_spans(later: CTE) -> Select[Any]:
    """Select the spans of the other VIMs since the last counted change of each; the last one has no `stop`."""
    # A join, because MariaDB reads all VIMs for a comparison with those of a subquery.
    changed = select(later.c.number, *_keys(later)).distinct().subquery("changed_vims")
    last = ("number", "status", "reason")
    changes = union_all(
        _of_states(changed, availability_states.c.counted_until.label("seen"), _number(0).label("revision")),
        select(*(later.c[name] for name in last), *_keys(later), later.c.seen, later.c.revision),
    ).subquery()
    earlier: dict[str, Any] = {"partition_by": changes.c.number, "order_by": changes.c.revision, "rows": (None, 0)}
    start = func.max(changes.c.seen).over(**earlier).label("start")
    columns = (*(changes.c[name] for name in last), *_keys(changes))
    started = select(*columns, start, changes.c.revision).subquery()
    stop = func.lead(started.c.start).over(partition_by=started.c.number, order_by=started.c.revision).label("stop")
    columns = (*(started.c[name] for name in last), *_keys(started))
    return select(*columns, started.c.start, stop)


def _of_states(of: CTE | Subquery, *more: ColumnElement[int]) -> Select[Any]:
    states = availability_states
    columns = (states.c.number, states.c.status, states.c.reason, *_keys(of), *more)
    return select(*columns).select_from(states).join(of, of.c.number == states.c.number)


def _later_changes(chosen: CTE, now: int, *, with_silences: bool) -> CTE:
    """Select the changes that are not counted yet, and the silences that are not on record yet."""
    seen = func.coalesce(events.c.seen_time, events.c.time).label("seen")
    kinds = or_(events.c.kind.in_(COUNTED_KINDS), events.c.stopped_action_id != "")
    changes = (
        select(
            chosen.c.number,
            events.c.status.label("status"),
            events.c.reason.label("reason"),
            *_keys(chosen),
            seen,
            events.c.revision.label("revision"),
        )
        .select_from(events)
        .join(chosen, chosen.c.vim_id == events.c.vim_id)
        # An id may be used again: what came before the registration was of another VIM.
        .where(events.c.revision > _PROGRESS, events.c.revision >= chosen.c.number, kinds)
    )
    if not with_silences:
        return changes.cte("later_changes")
    silences = (
        select(
            leases.c.number,
            _text(Status.UNKNOWN),
            _text(Reason.SILENT),
            *_keys(chosen),
            leases.c.lease_until,
            _number(_LAST),
        )
        .select_from(leases)
        .join(chosen, chosen.c.number == leases.c.number)
        .where(leases.c.holds, leases.c.lease_until < now)
    )
    return union_all(changes, silences).cte("later_changes")


def _clipped(of: Select[Any], first: int, end: int) -> Select[Any]:
    """Select the parts of the spans that lie between these times."""
    spans = of.subquery()
    bounds = (literal(first, Whole), literal(end, Whole))
    start = within(bounds[0], spans.c.start, bounds[1]).label("start")
    stop = within(bounds[0], func.coalesce(spans.c.stop, end), bounds[1]).label("stop")
    parts = select(spans.c.number, spans.c.status, spans.c.reason, *_keys(spans), start, stop).subquery()
    return select(parts).where(parts.c.start < parts.c.stop)


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


def _of_spans(spans: CTE, sign: int) -> Select[Any]:
    begin_day, end_day = (time - time % DAY for time in (spans.c.start, spans.c.stop))
    group = (*_keys(spans), spans.c.status, spans.c.reason)
    sums = (func.count(), func.sum(spans.c.start - begin_day), func.sum(spans.c.stop - end_day))
    return (
        select(*group, _number(sign), *(cast(null(), Whole) for _ in range(3)), begin_day, end_day, *sums)
        .select_from(spans)
        .group_by(*group, begin_day, end_day)
    )


def _covered(chosen: CTE, spans: CTE, days: DayRange) -> Select[Any]:
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
    )
