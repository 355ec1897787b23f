"""Finds out where a search by labels should start: with the VIMs that have a label, if they are few."""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, func, select

from vimesh.domain.filters.filter_fields import LABEL_PREFIX
from vimesh.domain.filters.filter_terms import AllOf, Operator, Term
from vimesh.domain.filters.vim_filter import Filter
from vimesh.store.schema.tables import vim_labels
from vimesh.store.sql.prepared_statements import PreparedStatement

_FEW = 2000
"""With more of them, a page of those that match is soon found in the order of the page. With fewer, a search in that
order might look at all VIMs for it. Databases know neither the most frequent values nor how long a page is."""
_COUNT = PreparedStatement(
    select(func.count()).select_from(
        select(vim_labels.c.number)
        .where(vim_labels.c.key == bindparam("key"), vim_labels.c.value == bindparam("value"))
        .limit(_FEW + 1)
        .subquery()
    )
)


def rare_labels(connection: Connection, vim_filter: Filter) -> list[Term]:
    """Return the terms that few VIMs match, and that a VIM must match."""
    root = vim_filter.root
    terms = root.operands if isinstance(root, AllOf) else (root,)
    return [term for term in terms if isinstance(term, Term) and _is_rare(connection, term)]


def _is_rare(connection: Connection, term: Term) -> bool:
    if not term.field.startswith(LABEL_PREFIX) or term.operator is not Operator.EQUALS or "*" in term.value:
        return False
    values = {"key": term.field.removeprefix(LABEL_PREFIX), "value": term.value}
    [[count]] = _COUNT.rows(connection, values)
    return bool(count <= _FEW)
