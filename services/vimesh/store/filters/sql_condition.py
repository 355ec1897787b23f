"""Makes the SQL of a filter: a condition on the join of `vims`, `standings` and `leases`.

The status, the reason and the time of the status of a silent VIM are other ones than those on record, from the moment
at which its lease ends (G6). So a filter that compares them becomes several conditions, one for the silent VIMs and one
for the others of each status. An index serves each of the latter; one condition over all would look at every VIM.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import ColumnElement, Dialect, and_, case, false, or_, select, true

from vimesh.domain.filters.condition_terms import is_of_conditions
from vimesh.domain.filters.filter_fields import LABEL_PREFIX
from vimesh.domain.filters.filter_terms import NEVER, FilterNode, Operator, Term, terms_in
from vimesh.domain.filters.match_filter import text_matches
from vimesh.domain.filters.simplify_filter import simplify
from vimesh.domain.filters.vim_filter import Filter
from vimesh.domain.probing import Reason
from vimesh.domain.vims import Status
from vimesh.store.filters.term_translator import FIELDS_OF_STANDINGS, Conditions, TermTranslator
from vimesh.store.rows.visible_rows import SILENT
from vimesh.store.schema.tables import leases, standings
from vimesh.store.sql.sql_functions import NowMicros

_FIELDS_OF_SILENCE = frozenset({"status", "reason", "status_time"})
SILENT_STATUS_TIME = case((standings.c.status == Status.UNKNOWN, standings.c.status_time), else_=leases.c.lease_until)
"""Since when a silent VIM is UNKNOWN."""
_lapsed = leases.alias("lapsed_leases")
IS_SILENT: ColumnElement[bool] = standings.c.number.in_(
    select(_lapsed.c.number).where(_lapsed.c.lease_until < NowMicros(), _lapsed.c.holds)
)
"""SILENT, for a search that starts with the silent VIMs: there are few, and no index has them."""


def sql_condition(vim_filter: Filter, dialect: Dialect, first_labels: Collection[Term] = ()) -> ColumnElement[bool]:
    """Return the condition on rows of WHOLE_VIM that they match as they are visible now.

    `first_labels`: terms with which a search should start, as those of `labels_in` if all VIMs that match are read.
    """
    branches = filter_branches(vim_filter, dialect, first_labels)
    return or_(false(), *(and_(true(), *conditions) for conditions in branches))


def labels_in(vim_filter: Filter) -> Sequence[Term]:
    """Return the comparisons of labels that say which VIMs match: an index has their numbers."""
    return [term for term in terms_in(vim_filter.root) if _names_label(term)]


def needs_leases(vim_filter: Filter) -> bool:
    """Return whether the filter compares what a lease decides about."""
    return not vim_filter.fields.isdisjoint(_FIELDS_OF_SILENCE)


def needs_vims(vim_filter: Filter) -> bool:
    """Return whether the filter compares columns of `vims`: if not, the other tables are enough."""
    return any(
        field not in FIELDS_OF_STANDINGS and not field.startswith(LABEL_PREFIX) and not is_of_conditions(field)
        for field in vim_filter.fields
    )


def filter_branches(vim_filter: Filter, dialect: Dialect, rare_labels: Collection[Term] = ()) -> Sequence[Conditions]:
    """Return mutually exclusive conditions that together select the VIMs that match: none, if no VIM can.

    A search starts with the VIMs that match one of the `rare_labels`: see the function of that name.
    """
    root, fields = vim_filter.root, vim_filter.fields
    translator = TermTranslator(dialect, rare_labels)
    if not fields & _FIELDS_OF_SILENCE:
        return [translator.conditions(root)]
    branches: list[Conditions] = []
    for status in Status if "status" in fields else [None]:
        left = _given(root, status=status)
        if left != NEVER:
            of_status = () if status is None else (standings.c.status == status,)
            branches.append((*of_status, ~SILENT, *translator.conditions(left)))
    left = left_for_silent(root)
    if left != NEVER:
        of_silent = TermTranslator(dialect, rare_labels, status_time=SILENT_STATUS_TIME)
        branches.append((IS_SILENT, *of_silent.conditions(left)))
    return branches


def left_for_silent(root: FilterNode) -> FilterNode:
    """Return what is left of the filter for silent VIMs, whose status and reason are the same for all."""
    return _given(root, status=Status.UNKNOWN, reason=Reason.SILENT)


def _names_label(term: Term) -> bool:
    return term.field.startswith(LABEL_PREFIX) and term.operator is not Operator.DIFFERS


def _given(root: FilterNode, **values: str | None) -> FilterNode:
    """Return what is left of the filter for VIMs with these values; None: any."""
    return simplify(root, lambda term: _decide(term, values))


def _decide(term: Term, values: Mapping[str, str | None]) -> bool | None:
    value = values.get(term.field)
    return None if value is None else text_matches(term, value)
