"""Resolves comparisons of conditions to what is on record of them, and to the status that decides how they read.

`condition.ServiceReady = FALSE` holds for a VIM that is REACHABLE, and of which FALSE is on record. So what depends on
the status and on leases is left to the terms of the status, in SQL as in Python. A VIM that does not have a condition
differs from each of its values.
"""

from __future__ import annotations

from typing import Final

from vimesh.domain.conditions.conditions import REACHABLE, ConditionStatus
from vimesh.domain.filters.filter_terms import AllOf, AnyOf, FilterNode, Not, Operator, Term
from vimesh.domain.vim_conditions.condition_rules import is_reportable, needs_reachability
from vimesh.domain.vims import Status

CONDITION_PREFIX: Final = "condition."
"""What the field of a condition begins with; its type follows."""
CERTIFICATE_PREFIX: Final = "certificate."
_STATUS: Final = "status"
_IS_REACHABLE: Final = Term(_STATUS, Operator.EQUALS, Status.REACHABLE)
_OF_REACHABLE: Final = {
    ConditionStatus.TRUE: (Status.REACHABLE,),
    ConditionStatus.FALSE: (Status.UNREACHABLE,),
    ConditionStatus.UNKNOWN: (Status.UNKNOWN, Status.PENDING),
}


def is_condition(field: str) -> bool:
    """Return whether a field names a condition that VIMs may have."""
    type_ = field.removeprefix(CONDITION_PREFIX)
    return type_ != field and (type_ == REACHABLE or is_reportable(type_))


def is_of_conditions(field: str) -> bool:
    """Return whether a comparison of the field looks at what is on record of conditions or of the certificate."""
    return field.startswith((CONDITION_PREFIX, CERTIFICATE_PREFIX))


def condition_node(term: Term) -> FilterNode:
    """Return what a comparison of a condition comes to. Of its terms, those of conditions are about what is on record.

    With the operator HAS they ask whether anything is.
    """
    if term.operator is Operator.DIFFERS:
        return Not(_equal(term.field, ConditionStatus(term.value)))
    return _equal(term.field, ConditionStatus(term.value))


def _equal(field: str, value: ConditionStatus) -> FilterNode:
    type_ = field.removeprefix(CONDITION_PREFIX)
    if type_ == REACHABLE:
        terms = tuple(Term(_STATUS, Operator.EQUALS, status) for status in _OF_REACHABLE[value])
        return terms[0] if len(terms) == 1 else AnyOf(terms)
    recorded = Term(field, Operator.EQUALS, value)
    if not needs_reachability(type_):
        return recorded
    known = AllOf((_IS_REACHABLE, recorded))
    if value is not ConditionStatus.UNKNOWN:
        return known
    return AnyOf((known, AllOf((Not(_IS_REACHABLE), Term(field, Operator.HAS, "*")))))
