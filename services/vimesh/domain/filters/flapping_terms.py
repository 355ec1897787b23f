"""Searches with filters that compare `flapping`, which is decided only after a VIM was read."""

from __future__ import annotations

from vimesh.domain.filters.filter_terms import ALWAYS, NEVER, AllOf, AnyOf, FilterNode, Not, Operator, Term
from vimesh.domain.filters.simplify_filter import simplify
from vimesh.domain.filters.vim_filter import Filter

FLAPPING = "flapping"
_RECENT_FIELD = "status_time"


def search_filter(vim_filter: Filter, since: int) -> Filter:
    """Return a filter without `flapping` that all VIMs match that match the given one, and perhaps others.

    `since`: no VIM flaps whose status has not changed since this time, in microseconds since 1970.
    """
    if FLAPPING not in vim_filter.fields:
        return vim_filter
    recent = Term(_RECENT_FIELD, Operator.AT_LEAST, str(since))
    return Filter(simplify(_relaxed(vim_filter.root, recent, negated=False), lambda _: None))


def _relaxed(node: FilterNode, recent: FilterNode, *, negated: bool) -> FilterNode:
    match node:
        case Term(field=field) if field == FLAPPING:
            wants_flapping = (node.value == "true") is (node.operator is Operator.EQUALS)
            # What is negated must be matched by no VIM that the filter may want.
            if negated:
                return NEVER if wants_flapping else Not(recent)
            return recent if wants_flapping else ALWAYS
        case Not(operand):
            return Not(_relaxed(operand, recent, negated=not negated))
        case AllOf(operands):
            return AllOf(tuple(_relaxed(operand, recent, negated=negated) for operand in operands))
        case AnyOf(operands):
            return AnyOf(tuple(_relaxed(operand, recent, negated=negated) for operand in operands))
    return node
