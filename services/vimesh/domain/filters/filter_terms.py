"""Defines what a filter consists of: comparisons, joined by AND, OR and NOT.

Page tokens hash the representation of these types: their names and the order of their fields must stay.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum


class Operator(StrEnum):
    EQUALS = "="
    DIFFERS = "!="
    BELOW = "<"
    AT_MOST = "<="
    ABOVE = ">"
    AT_LEAST = ">="
    HAS = ":"


@dataclass(frozen=True, slots=True)
class Term:
    """One comparison. `field` and `value` are as `filter_fields` allows them: nothing needs to be checked again."""

    field: str
    """A name of FIELDS, or `labels.` and a key."""
    operator: Operator
    value: str
    """In fields with patterns, `*` stands for any text. Times are in microseconds since 1970."""


@dataclass(frozen=True, slots=True)
class Not:
    operand: FilterNode


@dataclass(frozen=True, slots=True)
class AllOf:
    operands: tuple[FilterNode, ...]
    """True if there are none."""


@dataclass(frozen=True, slots=True)
class AnyOf:
    operands: tuple[FilterNode, ...]
    """False if there are none."""


FilterNode = Term | Not | AllOf | AnyOf
ALWAYS = AllOf(())
NEVER = AnyOf(())


def terms_in(node: FilterNode) -> Iterator[Term]:
    """Yield all comparisons, from left to right."""
    match node:
        case Term():
            yield node
        case Not(operand):
            yield from terms_in(operand)
        case AllOf(operands) | AnyOf(operands):
            for operand in operands:
                yield from terms_in(operand)


def quoted(value: str) -> str:
    """Quote a value for use in a filter."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
