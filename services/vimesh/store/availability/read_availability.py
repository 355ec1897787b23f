"""Reads how long VIMs had which status, by group, day and month."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import CTE, ColumnElement, Connection, FromClause, Row, and_, func, select

from vimesh.domain.availability.availability_query import (
    DAY_FIELD,
    LABEL_PREFIX,
    MAX_ROWS,
    MONTH_FIELD,
    VIM_FIELD,
    AvailabilityPage,
    AvailabilityQuery,
    AvailabilityRow,
    DayRange,
)
from vimesh.domain.availability.counted_days import DAY, Cause, Counts, date_of, day_of, next_month
from vimesh.domain.availability.timeline import MAINTENANCE
from vimesh.domain.errors import BadInput, Violation
from vimesh.domain.filters.filter_terms import Term
from vimesh.store.availability.span_statement import has_maintenance, has_silences, span_sums
from vimesh.store.filters.sql_condition import labels_in, needs_leases, needs_vims, sql_condition
from vimesh.store.rows.visible_rows import STANDING_AND_LEASE, WHOLE_VIM
from vimesh.store.schema.tables import standings, vim_labels, vims
from vimesh.store.schema.timestamps import moment
from vimesh.store.sql.page_tokens import position_of, token_of
from vimesh.store.sql.sql_functions import NowMicros

_COLUMNS: Mapping[str, ColumnElement[Any]] = {
    VIM_FIELD: standings.c.vim_id,
    "project_id": vims.c.project_id,
    "type": vims.c.type,
}
_OF_VIMS = frozenset({"project_id", "type"})
"""The fields for which `standings` are not enough."""
_CLOCK = select(NowMicros())
_IN_MAINTENANCE = Cause(MAINTENANCE, "")
_Groups = dict[tuple[str, ...], Counts]


def read_availability(connection: Connection, query: AvailabilityQuery) -> AvailabilityPage:
    """Return a page of the answer. Raises PageTokenInvalid, BadInput if there would be too many rows."""
    now = connection.execute(_CLOCK).scalar_one()
    key = (query.vim_filter, query.days, query.by)
    if VIM_FIELD in query.by:
        return _page_of_vims(connection, query, key, now)
    # All VIMs that match are read.
    conditions = _conditions(connection, query, labels_in(query.vim_filter))
    groups = _read_groups(connection, query, _chosen(query, conditions), MAX_ROWS, now)
    after = position_of(query.page_token, key, (str,) * len(query.by)) if query.page_token else None
    rows = [AvailabilityRow(group, "", groups[group]) for group in sorted(groups) if after is None or group > after]
    page = rows[: query.page_size]
    token = token_of(key, page[-1].group) if len(page) < len(rows) else ""
    return AvailabilityPage(page, token, moment(now))


def _page_of_vims(connection: Connection, query: AvailabilityQuery, key: tuple[Any, ...], now: int) -> AvailabilityPage:
    """Return the rows of a few VIMs, in the order of their registration: as many as fit, but at least one."""
    after = position_of(query.page_token, key, (int,))[0] if query.page_token else 0
    buckets = len(list(_buckets(query.days.start, min(query.days.stop, now), query.by)))
    count = max(1, query.page_size // max(1, buckets))
    statement = (
        select(standings.c.number, standings.c.vim_id, vims.c.name)
        .select_from(WHOLE_VIM)
        .where(*_conditions(connection, query), standings.c.number > after)
        .order_by(standings.c.number)
        .limit(count + 1)
    )
    found = connection.execute(statement).all()
    page = found[:count]
    if not page:
        return AvailabilityPage([], "", moment(now))
    numbers = standings.c.number.between(page[0].number, page[-1].number)
    groups = _read_groups(connection, query, _chosen(query, [*_conditions(connection, query), numbers]), None, now)
    position, names = query.by.index(VIM_FIELD), {row.vim_id: row.name for row in page}
    order = {row.vim_id: index for index, row in enumerate(page)}
    rows = [
        AvailabilityRow(group, names[group[position]], groups[group])
        for group in sorted(groups, key=lambda group: (order.get(group[position], -1), group))
        # One that was registered since is on a later page.
        if group[position] in order
    ]
    return AvailabilityPage(rows, token_of(key, (page[-1].number,)) if len(found) > count else "", moment(now))


def _conditions(
    connection: Connection, query: AvailabilityQuery, first_labels: Collection[Term] = ()
) -> list[ColumnElement[bool]]:
    conditions = [sql_condition(query.vim_filter, connection.dialect, first_labels)]
    if query.projects is not None:
        conditions.append(vims.c.project_id.in_(sorted(query.projects)))
    return conditions


def _chosen(query: AvailabilityQuery, conditions: Sequence[ColumnElement[bool]]) -> CTE:
    """Select the VIMs, each with the values to group by as `key_0` and so on."""
    keys: list[ColumnElement[Any]] = []
    of_vims = needs_vims(query.vim_filter) or query.projects is not None or not _OF_VIMS.isdisjoint(query.by)
    source: FromClause = STANDING_AND_LEASE if needs_leases(query.vim_filter) else standings
    if of_vims:
        source = source.join(vims, vims.c.id == standings.c.vim_id)
    for position, field in enumerate(_stored_fields(query.by)):
        column = _COLUMNS.get(field)
        if column is None:
            labels = vim_labels.alias(f"label_{position}")
            of_vim = and_(labels.c.number == standings.c.number, labels.c.key == field.removeprefix(LABEL_PREFIX))
            source = source.outerjoin(labels, of_vim)
            column = func.coalesce(labels.c.value, "")
        keys.append(column.label(f"key_{position}"))
    chosen = select(standings.c.number, standings.c.vim_id, *keys).select_from(source)
    return chosen.where(*conditions).cte("chosen")


def _stored_fields(by: Sequence[str]) -> list[str]:
    """Return the fields whose values are stored: those of time follow from the spans."""
    return [field for field in by if field not in (DAY_FIELD, MONTH_FIELD)]


def _read_groups(connection: Connection, query: AvailabilityQuery, chosen: CTE, limit: int | None, now: int) -> _Groups:
    """Return the time of each group. Raises BadInput if there are more than `limit` groups."""
    with_maintenance = bool(connection.execute(has_maintenance(query.days)).scalar_one())
    by_day = DAY_FIELD in query.by
    # For the few VIMs of a page it costs less to look at their leases than to ask whether any has ended.
    with_silences = limit is None or bool(connection.execute(has_silences(now)).scalar_one())
    statement = span_sums(
        chosen, query.days, now, by_day=by_day, with_maintenance=with_maintenance, with_silences=with_silences
    )
    groups: dict[tuple[str, ...], Counter[Cause]] = {}
    for row in connection.execute(statement):
        cause = Cause(row.status, row.reason)
        for bucket, duration in _durations(row, query.days, query.by):
            counts = groups.setdefault(_group(row, bucket, query.by), Counter())
            counts[cause] += row.sign * duration
            if row.sign < 0:
                # Maintenance takes it away from the status, and is what counts instead.
                counts[_IN_MAINTENANCE] += duration
        if limit is not None and len(groups) > limit:
            raise BadInput(Violation("by", f"makes more than {limit} rows: ask for fewer days, or by less"))
    return {group: nonzero for group, counts in groups.items() if (nonzero := _nonzero(counts))}


def _nonzero(counts: Counts) -> Counts:
    return {cause: duration for cause, duration in counts.items() if duration}


def _group(row: Row[Any], bucket: str, by: Sequence[str]) -> tuple[str, ...]:
    values = iter(row)
    return tuple(bucket if field in (DAY_FIELD, MONTH_FIELD) else next(values) for field in by)


@dataclass(frozen=True, slots=True)
class _Bucket:
    name: str
    start: int
    stop: int


def _buckets(start: int, stop: int, by: Sequence[str]) -> Iterator[_Bucket]:
    """Yield the days or months that a span touches, or one for all time."""
    while start < stop:
        day = day_of(start)
        if DAY_FIELD in by:
            end, name = day + 1, date_of(day).isoformat()
        elif MONTH_FIELD in by:
            end, name = next_month(day), date_of(day).strftime("%Y-%m")
        else:
            end, name = day_of(stop) + 1, ""
        yield _Bucket(name, start, min(stop, end * DAY))
        start = end * DAY


def _durations(row: Row[Any], days: DayRange, by: Sequence[str]) -> Iterator[tuple[str, int]]:
    """Yield the buckets of a row of `span_sums` with their microseconds."""
    if row.day is not None:
        first, end = max(row.day, days.first), min(row.day + row.days, days.end)
        buckets = list(_buckets(first * DAY, end * DAY, by))
        if len(buckets) == 1 and end - first == row.days:
            yield buckets[0].name, int(row.duration)
            return
        # Not of a month, then: all days of a stretch are alike.
        each = int(row.duration) // row.days
        for bucket in buckets:
            yield bucket.name, each * ((bucket.stop - bucket.start) // DAY)
        return
    begin, end, count = int(row.begin_day), int(row.end_day), int(row.spans)
    into_begin, into_end = int(row.into_begin), int(row.into_end)
    for bucket in _buckets(begin, end + 1, by):
        # As if all began and ended at midnight: `end` itself is the begin of its bucket then, and lasts no time.
        duration = count * (min(bucket.stop, end) - bucket.start)
        duration -= into_begin if bucket.start == begin else 0
        duration += into_end if bucket.start <= end < bucket.stop else 0
        yield bucket.name, duration
