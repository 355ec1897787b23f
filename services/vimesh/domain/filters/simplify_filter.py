"""Simplifies a filter in which some comparisons are decided already."""

from __future__ import annotations

from collections.abc import Callable

from vimesh.domain.filters.filter_terms import ALWAYS, NEVER, AllOf, AnyOf, FilterNode, Not, Term


def simplify(node: FilterNode, decide: Callable[[Term], bool | None]) -> FilterNode:
    """Return the filter that is left, given what `decide` knows of each comparison; None: nothing.

    ALWAYS and NEVER are left only as a whole, never as a part of another filter.
    """
    match node:
        case Term():
            known = decide(node)
            return node if known is None else ALWAYS if known else NEVER
        case Not(operand):
            left = simplify(operand, decide)
            return NEVER if left == ALWAYS else ALWAYS if left == NEVER else Not(left)
        case AllOf(operands):
            parts = [left for operand in operands if (left := simplify(operand, decide)) != ALWAYS]
            return NEVER if NEVER in parts else parts[0] if len(parts) == 1 else AllOf(tuple(parts))
        case AnyOf(operands):
            parts = [left for operand in operands if (left := simplify(operand, decide)) != NEVER]
            return ALWAYS if ALWAYS in parts else parts[0] if len(parts) == 1 else AnyOf(tuple(parts))
