"""Counts VIMs by status, in groups, in one statement: all counts are of the same moment.

The statement has several parts. One counts what is on record, and two correct that for silent VIMs, if there are any.
Where it can be done, the VIMs of the most frequent status, which is nearly always REACHABLE, are not looked at one by
one: indexes count all VIMs of each group, and those of the other statuses are subtracted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Dialect,
    FromClause,
    Integer,
    Select,
    String,
    and_,
    func,
    literal,
    null,
    select,
    type_coerce,
    union_all,
)

from vimesh.domain.filters.filter_fields import LABEL_PREFIX
from vimesh.domain.filters.filter_terms import NEVER
from vimesh.domain.filters.vim_summary import GroupValues, SummaryQuery, VimSummary, summary_of
from vimesh.domain.probing import Reason
from vimesh.domain.vims import Status
from vimesh.store.filters.sql_condition import IS_SILENT, SILENT_STATUS_TIME, labels_in, left_for_silent, needs_vims
from vimesh.store.filters.term_translator import Conditions, TermTranslator
from vimesh.store.leases.lapse_leases import has_silent
from vimesh.store.rows.visible_rows import STANDING_AND_LEASE
from vimesh.store.schema.tables import standings, vim_labels, vims

_ON_RECORD, _SILENT_ON_RECORD, _SILENT, _GROUP, _ALL = range(5)
_OF_VIMS = frozenset({"type", "project_id"})
_MOST_FREQUENT = select(standings.c.status).group_by(standings.c.status).order_by(func.count().desc()).limit(1)
_FEW = 20_000
_NOT_REACHABLE = [status for status in Status if status is not Status.REACHABLE]
_COUNT_OF_OTHERS = select(func.count()).select_from(
    select(standings.c.number).where(standings.c.status.in_(_NOT_REACHABLE)).limit(_FEW + 1).subquery()
)


def summarize(connection: Connection, query: SummaryQuery) -> VimSummary:
    grouping = _Grouping(query, some_silent=has_silent(connection))
    frequent = _most_frequent_status(connection) if grouping.has_totals else None
    counts: Counter[tuple[GroupValues, Status]] = Counter()
    rest: Counter[GroupValues] = Counter()
    """The VIMs of each group that are not in `counts`, if they are of the most frequent status."""
    for part, status, count, *columns in connection.execute(grouping.statement(connection.dialect, frequent)):
        values = tuple(columns)
        if part == _ALL:
            rest[None,] += count
        elif part == _GROUP:
            rest[values] += count
            rest[None,] -= count if grouping.is_of_label else 0
        else:
            counts[values, Status(status)] += -count if part == _SILENT_ON_RECORD else count
            rest[values] -= count if part == _ON_RECORD else 0
    if frequent is not None:
        for values, count in rest.items():
            counts[values, Status(frequent)] += count
    return summary_of(_with_status(counts, query.group_by))


def _most_frequent_status(connection: Connection) -> str | None:
    """Return a status that most VIMs have on record, if any has."""
    if connection.execute(_COUNT_OF_OTHERS).scalar_one() <= _FEW:
        return Status.REACHABLE
    return connection.scalar(_MOST_FREQUENT)


class _Grouping:
    """The parts of the statement. Each has the columns part, status, count, and one for each field but the status."""

    def __init__(self, query: SummaryQuery, *, some_silent: bool) -> None:
        """`some_silent`: whether there were silent VIMs when the summary began."""
        self._query = query
        self._some_silent = some_silent
        self._fields = tuple(field for field in query.group_by if field != "status")
        self._labels = {field: vim_labels.alias() for field in self._fields if field.startswith(LABEL_PREFIX)}
        self.is_of_label = len(self._fields) == 1 and bool(self._labels)
        of_vims = bool(self._fields) and _OF_VIMS.issuperset(self._fields)
        self.has_totals = not query.filter and (of_vims or (self.is_of_label and query.projects is None))
        """Whether indexes count the VIMs of each group."""

    def statement(self, dialect: Dialect, frequent: str | None) -> Any:  # noqa: ANN401 - of a union of parts
        root = self._query.filter.root
        # Nothing is read in the order of a page: a search by a label best starts with the VIMs that have it.
        labels = labels_in(self._query.filter)
        on_record = TermTranslator(dialect, labels).conditions(root)
        others = () if frequent is None else (standings.c.status.in_([s for s in Status if s != frequent]),)
        parts = [self._part(_ON_RECORD, (*on_record, *others))]
        if self._some_silent:
            parts.append(self._part(_SILENT_ON_RECORD, (IS_SILENT, *on_record)))
        if self._some_silent and (of_silent := left_for_silent(root)) != NEVER:
            conditions = TermTranslator(dialect, labels, status_time=SILENT_STATUS_TIME).conditions(of_silent)
            parts.append(self._part(_SILENT, (IS_SILENT, *conditions)))
        return union_all(*parts, *(self._totals() if frequent is not None else ()))

    def _part(self, part: int, conditions: Conditions) -> Select[Any]:
        silent = part == _SILENT
        status = _text(Status.UNKNOWN) if silent else standings.c.status
        columns = [_text(Reason.SILENT) if silent and f == "reason" else self._column(f) for f in self._fields]
        groups = [column for column in (status, *columns) if not _is_constant(column)]
        return (
            _columns(part, status, columns)
            .select_from(self._tables())
            .where(*conditions, *self._of_projects())
            .group_by(*groups)
            # Without groups, there would be a row for no VIMs.
            .having(func.count() > 0)
        )

    def _tables(self) -> FromClause:
        tables: FromClause = STANDING_AND_LEASE if self._needs_leases() else standings
        if self._query.projects is not None or not _OF_VIMS.isdisjoint(self._fields) or needs_vims(self._query.filter):
            tables = tables.join(vims, vims.c.id == standings.c.vim_id)
        for field, labels in self._labels.items():
            key = field.removeprefix(LABEL_PREFIX)
            tables = tables.outerjoin(labels, and_(labels.c.number == standings.c.number, labels.c.key == key))
        return tables

    def _needs_leases(self) -> bool:
        return "status_time" in self._query.filter.fields

    def _column(self, field: str) -> ColumnElement[Any]:
        if field in self._labels:
            return self._labels[field].c.value
        return (vims if field in _OF_VIMS else standings).c[field]

    def _of_projects(self) -> Conditions:
        projects = self._query.projects
        return () if projects is None else (vims.c.project_id.in_(sorted(projects)),)

    def _totals(self) -> Iterator[Select[Any]]:
        """Count the VIMs of each group without their statuses."""
        columns = [self._column(field) for field in self._fields]
        if not self.is_of_label:
            yield _columns(_GROUP, _no_text(), columns).where(*self._of_projects()).group_by(*columns)
            return
        [(field, labels)] = self._labels.items()
        of_label = _columns(_GROUP, _no_text(), columns).where(labels.c.key == field.removeprefix(LABEL_PREFIX))
        yield of_label.group_by(*columns)
        # As a query of its own, for SQLite counts a whole table without looking at its rows.
        every_vim = select(func.count()).select_from(standings).scalar_subquery()
        yield select(literal(_ALL, Integer), _no_text(), every_vim, _no_text())


def _columns(part: int, status: ColumnElement[Any], columns: list[ColumnElement[Any]]) -> Select[Any]:
    values = (column.label(f"value_{number}") for number, column in enumerate(columns))
    return select(literal(part, Integer).label("part"), status.label("status"), func.count().label("count"), *values)


def _text(value: str) -> ColumnElement[Any]:
    return literal(str(value), String, literal_execute=True)


def _no_text() -> ColumnElement[Any]:
    return type_coerce(null(), String)


def _is_constant(column: ColumnElement[Any]) -> bool:
    return not hasattr(column, "table")


def _with_status(
    counts: Mapping[tuple[GroupValues, Status], int], group_by: tuple[str, ...]
) -> Mapping[tuple[GroupValues, Status], int]:
    """Put the status among the values of each group, where it is one of the fields."""
    if "status" not in group_by:
        return counts
    at = group_by.index("status")
    return {((*values[:at], status, *values[at:]), status): count for (values, status), count in counts.items()}
