"""Makes the SQL of a filter: a condition on the join of `vims`, `standings` and `leases`.

The status, the reason and the time of the status of a silent VIM are other ones than those on record, from the moment
at which its lease ends (G6). So a filter that compares them becomes several conditions, one for the silent VIMs and one
for the others of each status. An index serves each of the latter; one condition over all would look at every VIM.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Dialect, and_, case, false, or_, true

from vimesh.domain.filters.filter_fields import FIELDS, FieldKind
from vimesh.domain.filters.filter_terms import NEVER, AllOf, AnyOf, FilterNode, Not, Operator, Term
from vimesh.domain.filters.match_filter import text_matches
from vimesh.domain.filters.simplify_filter import simplify
from vimesh.domain.filters.vim_filter import Filter
from vimesh.domain.probing import Reason
from vimesh.domain.vims import Status
from vimesh.store.rows.visible_rows import SILENT
from vimesh.store.schema.tables import leases, standings, vims
from vimesh.store.sql.sql_functions import matches

FIELDS_OF_STANDINGS = frozenset({"status", "reason", "engine", "status_time"})
"""The fields for which `vims` is not needed."""
_FIELDS_OF_SILENCE = frozenset({"status", "reason", "status_time"})
_SILENT_STATUS_TIME = case((standings.c.status == Status.UNKNOWN, standings.c.status_time), else_=leases.c.lease_until)
_COMPARISONS: Mapping[Operator, Callable[[ColumnElement[Any], int], ColumnElement[bool]]] = {
    Operator.EQUALS: operator.eq,
    Operator.DIFFERS: operator.ne,
    Operator.BELOW: operator.lt,
    Operator.AT_MOST: operator.le,
    Operator.ABOVE: operator.gt,
    Operator.AT_LEAST: operator.ge,
}

Conditions = tuple[ColumnElement[bool], ...]


def sql_condition(vim_filter: Filter, dialect: Dialect) -> ColumnElement[bool]:
    """Return the condition on rows of WHOLE_VIM that they match as they are visible now."""
    return or_(false(), *(and_(true(), *conditions) for conditions in filter_branches(vim_filter, dialect)))


def filter_branches(vim_filter: Filter, dialect: Dialect) -> Sequence[Conditions]:
    """Return mutually exclusive conditions that together select the VIMs that match: none, if no VIM can."""
    root, fields = vim_filter.root, vim_filter.fields
    if not fields & _FIELDS_OF_SILENCE:
        return [_conditions(root, dialect)]
    branches: list[Conditions] = []
    for status in Status if "status" in fields else [None]:
        left = simplify(root, lambda term, status=status: _decide(term, {"status": status}))  # type: ignore[misc]  # its type is known
        if left != NEVER:
            of_status = () if status is None else (standings.c.status == status,)
            branches.append((*of_status, ~SILENT, *_conditions(left, dialect)))
    left = simplify(root, lambda term: _decide(term, {"status": Status.UNKNOWN, "reason": Reason.SILENT}))
    if left != NEVER:
        branches.append((SILENT, *_conditions(left, dialect, status_time=_SILENT_STATUS_TIME)))
    return branches


def _decide(term: Term, values: Mapping[str, str | None]) -> bool | None:
    """Return whether the term is true for these values; None if its field is not among them."""
    value = values.get(term.field)
    if value is None:
        return None
    return text_matches(term, value, is_pattern=FIELDS[term.field].kind is FieldKind.PATTERN)


def _conditions(
    node: FilterNode, dialect: Dialect, *, status_time: ColumnElement[int] = standings.c.status_time
) -> Conditions:
    """Return conditions that are all true where the filter is."""

    def of_node(node: FilterNode) -> ColumnElement[bool]:
        match node:
            case Term():
                return _of_term(node, dialect, status_time)
            case Not(operand):
                return ~of_node(operand)
            case AllOf(operands):
                return and_(true(), *map(of_node, operands))
            case AnyOf(operands):
                return or_(false(), *map(of_node, operands))

    return tuple(map(of_node, node.operands)) if isinstance(node, AllOf) else (of_node(node),)


def _of_term(term: Term, dialect: Dialect, status_time: ColumnElement[int]) -> ColumnElement[bool]:
    if term.field == "is_default":
        is_default = vims.c.default_of.is_not(None)
        return is_default if (term.value == "true") is (term.operator is Operator.EQUALS) else ~is_default
    if term.field == "status_time":
        return _COMPARISONS[term.operator](status_time, int(term.value))
    column = (standings if term.field in FIELDS_OF_STANDINGS else vims).c[term.field]
    match FIELDS[term.field].kind:
        case FieldKind.TIME:
            return _COMPARISONS[term.operator](column, int(term.value))
        case FieldKind.PATTERN:
            return _of_pattern(term, column, dialect)
    return column == term.value if term.operator is Operator.EQUALS else column != term.value


def _of_pattern(term: Term, column: ColumnElement[str], dialect: Dialect) -> ColumnElement[bool]:
    if term.operator is Operator.HAS:
        return column != "" if term.value == "*" else matches(column, f"*{term.value}*", dialect)
    equals = matches(column, term.value, dialect) if "*" in term.value else column == term.value
    return equals if term.operator is Operator.EQUALS else ~equals
