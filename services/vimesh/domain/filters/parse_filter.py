"""Reads filters after AIP-160, such as `status != REACHABLE AND (name = "lab*" OR is_default = true)`.

As in AIP-160, OR binds more tightly than AND: `a AND b OR c` is `a AND (b OR c)`.
"""

from __future__ import annotations

from collections.abc import Iterable

from vimesh.domain.errors import FilterInvalid
from vimesh.domain.filters.condition_terms import CONDITION_PREFIX, condition_node, is_condition
from vimesh.domain.filters.filter_fields import (
    FIELDS,
    LABEL_PREFIX,
    LABELS,
    MAX_PATTERN,
    MAX_WILDCARDS,
    OPERATORS,
    FieldKind,
    FilterField,
    field_of,
    has_patterns,
    is_cheap,
    micros_of_time,
)
from vimesh.domain.filters.filter_scanner import FilterScanner
from vimesh.domain.filters.filter_terms import AllOf, AnyOf, FilterNode, Not, Operator, Term
from vimesh.domain.filters.flapping_terms import FLAPPING
from vimesh.domain.filters.vim_filter import EVERY_VIM, Filter

MAX_LENGTH = 4096
MAX_TERMS = 32
MAX_PATTERNS = 16
"""Most terms with `*` or `:`: a database compares each of them with every VIM that the other terms leave."""
MAX_DEPTH = 16
_NO_FLAPPING = (
    "flapping can select VIMs in lists and for changes, not here: it is decided when a VIM is read, "
    "and ends without a change"
)
_EXAMPLE = 'write it as: status = UNREACHABLE AND name = "lab*"'


def parse_filter(text: str, *, flapping: bool = False) -> Filter:
    """Read a filter; an empty one matches every VIM. Raises FilterInvalid, which points at the place.

    `flapping`: whether it may ask for that, which is known only of VIMs that are read.
    """
    if len(text) > MAX_LENGTH:
        raise FilterInvalid(f"is longer than {MAX_LENGTH} characters")
    if (position := text.find("\0")) >= 0:
        raise FilterInvalid("must not contain NUL, which no VIM has", position)
    scanner = FilterScanner(text)
    return EVERY_VIM if scanner.at_end else Filter(_Parser(scanner, flapping=flapping).parse())


class _Parser:
    def __init__(self, scanner: FilterScanner, *, flapping: bool) -> None:
        self._scanner = scanner
        self._takes_flapping = flapping
        self._terms = 0
        self._patterns = 0

    def parse(self) -> FilterNode:
        node = self._conjunction(depth=0)
        if not self._scanner.at_end:
            raise self._scanner.error(f"terms are joined by AND or OR, not by {self._scanner.excerpt()}")
        return node

    def _conjunction(self, depth: int) -> FilterNode:
        operands = [self._disjunction(depth)]
        while self._scanner.take_keyword("AND"):
            operands.append(self._disjunction(depth))
        return operands[0] if len(operands) == 1 else AllOf(tuple(operands))

    def _disjunction(self, depth: int) -> FilterNode:
        operands = [self._negation(depth)]
        while self._scanner.take_keyword("OR"):
            operands.append(self._negation(depth))
        return operands[0] if len(operands) == 1 else AnyOf(tuple(operands))

    def _negation(self, depth: int) -> FilterNode:
        if self._scanner.take_keyword("NOT") or self._scanner.take("-"):
            return Not(self._group_or_term(depth))
        return self._group_or_term(depth)

    def _group_or_term(self, depth: int) -> FilterNode:
        start = self._scanner.position
        if not self._scanner.take("("):
            return self._term(in_group=depth > 0)
        if depth == MAX_DEPTH:
            raise self._scanner.error(f"parentheses are nested more than {MAX_DEPTH} deep", start)
        node = self._conjunction(depth + 1)
        if not self._scanner.take(")"):
            raise self._scanner.error(
                f"the parenthesis at character {start + 1} is not closed before {self._scanner.excerpt()}"
            )
        return node

    def _term(self, *, in_group: bool) -> FilterNode:
        scanner, start = self._scanner, self._scanner.position
        if self._terms == MAX_TERMS:
            raise scanner.error(f"more than {MAX_TERMS} terms")
        self._terms += 1
        field = scanner.take_name()
        if not field:
            raise scanner.error(f"{_EXAMPLE}; a field should be where {scanner.excerpt()} is")
        if field == CONDITION_PREFIX:
            # A type such as "Endpoint/compute" may be quoted.
            field += scanner.take_value(in_group=in_group) or ""
        if field == LABELS:
            return self._presence_of_label(in_group=in_group)
        known = self._known_field(field, start)
        at_operator = scanner.position
        operator = scanner.take_operator()
        if operator is None:
            raise scanner.error(f"{_EXAMPLE}; an operator should be where {scanner.excerpt()} is")
        if operator not in OPERATORS[known.kind]:
            raise scanner.error(f"{field} is compared by {_listed(OPERATORS[known.kind])}, not {operator}", at_operator)
        at_value = scanner.position
        value = scanner.take_value(in_group=in_group)
        if value is None:
            raise scanner.error(f"{_EXAMPLE}; a value should be where {scanner.excerpt()} is")
        try:
            term = self._checked(field, known, operator, value)
            return condition_node(term) if is_condition(field) else term
        except FilterInvalid as error:
            raise FilterInvalid(error.description, at_value) from None

    def _known_field(self, field: str, start: int) -> FilterField:
        known = field_of(field)
        if known is None:
            fields = (name for name in FIELDS if self._takes_flapping or name != FLAPPING)
            names = _listed((*fields, "condition.TYPE", "labels.KEY"))
            raise self._scanner.error(f"{field[:50]!r} cannot be filtered by; use one of {names}", start)
        if field == FLAPPING and not self._takes_flapping:
            raise self._scanner.error(_NO_FLAPPING, start)
        return known

    def _presence_of_label(self, *, in_group: bool) -> Term:
        """Read `labels:KEY`, which is `labels.KEY:*`."""
        scanner = self._scanner
        if not scanner.take(":"):
            raise scanner.error("write it as labels.region = eu, or labels:region for VIMs that have the label")
        at_key = scanner.position
        key = scanner.take_value(in_group=in_group)
        if key is None or field_of(LABEL_PREFIX + key) is None:
            raise scanner.error("the key of a label should be here", at_key)
        return Term(LABEL_PREFIX + key, Operator.HAS, "*")

    def _checked(self, field: str, known: FilterField, operator: Operator, value: str) -> Term:
        if known.words and value not in known.words:
            raise FilterInvalid(f"{field} must be one of {_listed(known.words)}, not {value[:50]!r}")
        if known.kind is FieldKind.TIME:
            micros = micros_of_time(value)
            if micros is None:
                raise FilterInvalid(f"{field} must be {known.kind.value}, not {value[:50]!r}")
            return Term(field, operator, str(micros))
        if not is_cheap(field, f"*{value}*" if operator is Operator.HAS and value != "*" else value):
            raise FilterInvalid(
                f"a value of {field} with * may have at most {MAX_WILDCARDS} of them and {MAX_PATTERN} characters"
            )
        self._patterns += has_patterns(known) and ("*" in value or operator is Operator.HAS)
        if self._patterns > MAX_PATTERNS:
            raise FilterInvalid(f"more than {MAX_PATTERNS} terms with * or :")
        # IDs are stored in lower case, and accepted in any case.
        return Term(field, operator, value.lower() if field == "id" else value)


def _listed(words: Iterable[str]) -> str:
    return ", ".join(words)
