"""Makes the SQL of comparisons, and of what joins them."""

from __future__ import annotations

import operator
from collections.abc import Callable, Collection, Mapping
from typing import Any

from sqlalchemy import ColumnElement, Dialect, Select, and_, false, or_, select, true

from vimesh.domain.filters.condition_terms import CONDITION_PREFIX, is_of_conditions
from vimesh.domain.filters.filter_fields import FIELDS, LABEL_PREFIX, FieldKind
from vimesh.domain.filters.filter_terms import AllOf, AnyOf, FilterNode, Not, Operator, Term
from vimesh.store.filters.condition_columns import CERTIFICATE_COLUMNS, of_certificate, of_condition
from vimesh.store.rows.visible_rows import IN_MAINTENANCE
from vimesh.store.schema.tables import standings, vim_labels, vims
from vimesh.store.sql.sql_functions import matches

Conditions = tuple[ColumnElement[bool], ...]

FIELDS_OF_STANDINGS = frozenset({"status", "reason", "engine", "status_time", "maintenance"})
_TRUTHS: Mapping[str, ColumnElement[bool]] = {
    "is_default": vims.c.default_of.is_not(None),
    "maintenance": IN_MAINTENANCE,
}
_COMPARISONS: Mapping[Operator, Callable[[ColumnElement[Any], int], ColumnElement[bool]]] = {
    Operator.EQUALS: operator.eq,
    Operator.DIFFERS: operator.ne,
    Operator.BELOW: operator.lt,
    Operator.AT_MOST: operator.le,
    Operator.ABOVE: operator.gt,
    Operator.AT_LEAST: operator.ge,
}


class TermTranslator:
    def __init__(
        self,
        dialect: Dialect,
        rare_labels: Collection[Term] = (),
        *,
        status_time: ColumnElement[int] = standings.c.status_time,
    ) -> None:
        """`rare_labels`: terms that so few VIMs match that a search should start with those."""
        self._dialect = dialect
        self._rare_labels = frozenset(rare_labels)
        self._status_time = status_time

    def conditions(self, node: FilterNode) -> Conditions:
        """Return conditions that are all true where the filter is, and on record."""
        return tuple(map(self._condition, node.operands)) if isinstance(node, AllOf) else (self._condition(node),)

    def _condition(self, node: FilterNode) -> ColumnElement[bool]:
        match node:
            case Term():
                return self._of_term(node)
            case Not(operand):
                return ~self._condition(operand)
            case AllOf(operands):
                return and_(true(), *map(self._condition, operands))
            case AnyOf(operands):
                return or_(false(), *map(self._condition, operands))

    def _of_term(self, term: Term) -> ColumnElement[bool]:
        if term.field.startswith(LABEL_PREFIX):
            return self._of_label(term)
        if is_of_conditions(term.field):
            return of_condition(term) if term.field.startswith(CONDITION_PREFIX) else self._of_certificate(term)
        return self._of_column(term)

    def _of_column(self, term: Term) -> ColumnElement[bool]:
        if term.field in _TRUTHS:
            is_true = _TRUTHS[term.field]
            return is_true if (term.value == "true") is (term.operator is Operator.EQUALS) else ~is_true
        if term.field == "status_time":
            return _COMPARISONS[term.operator](self._status_time, int(term.value))
        column = (standings if term.field in FIELDS_OF_STANDINGS else vims).c[term.field]
        match FIELDS[term.field].kind:
            case FieldKind.TIME:
                return _COMPARISONS[term.operator](column, int(term.value))
            case FieldKind.PATTERN:
                return self._of_pattern(term, column)
        return column == term.value if term.operator is Operator.EQUALS else column != term.value

    def _of_certificate(self, term: Term) -> ColumnElement[bool]:
        if term.operator is Operator.DIFFERS:
            # A VIM without a certificate differs from any.
            return ~self._of_certificate(Term(term.field, Operator.EQUALS, term.value))
        column = CERTIFICATE_COLUMNS[term.field]
        if FIELDS[term.field].kind is FieldKind.TIME:
            return of_certificate(_COMPARISONS[term.operator](column, int(term.value)))
        if term.operator is Operator.HAS:
            return of_certificate(matches(column, f"*{term.value}*", self._dialect))
        return of_certificate(self._of_pattern(term, column))

    def _of_pattern(self, term: Term, column: ColumnElement[str]) -> ColumnElement[bool]:
        if term.operator is Operator.HAS:
            return column != "" if term.value == "*" else matches(column, f"*{term.value}*", self._dialect)
        equals = matches(column, term.value, self._dialect) if "*" in term.value else column == term.value
        return equals if term.operator is Operator.EQUALS else ~equals

    def _of_label(self, term: Term) -> ColumnElement[bool]:
        rows = self._rows_of_label(term)
        if term in self._rare_labels:
            return standings.c.number.in_(rows)
        has_label = rows.where(vim_labels.c.number == standings.c.number).correlate(standings).exists()
        return ~has_label if term.operator is Operator.DIFFERS else has_label

    def _rows_of_label(self, term: Term) -> Select[tuple[int]]:
        """Return the numbers of the VIMs whose label has the value, or a value that matches."""
        rows = select(vim_labels.c.number).where(vim_labels.c.key == term.field.removeprefix(LABEL_PREFIX))
        if term.operator is Operator.HAS:
            return rows if term.value == "*" else rows.where(self._of_value(f"*{term.value}*"))
        return rows.where(self._of_value(term.value))

    def _of_value(self, pattern: str) -> ColumnElement[bool]:
        if "*" in pattern:
            return matches(vim_labels.c.value, pattern, self._dialect)
        return vim_labels.c.value == pattern
