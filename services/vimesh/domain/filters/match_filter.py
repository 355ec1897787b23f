"""Decides in plain Python whether a VIM matches. `store.filters` must decide the same: tests compare them."""

from __future__ import annotations

import datetime as dt
import operator
from collections.abc import Callable, Mapping

from vimesh.domain.filters.condition_terms import CONDITION_PREFIX
from vimesh.domain.filters.filter_fields import FIELDS, LABEL_PREFIX, FieldKind
from vimesh.domain.filters.filter_terms import AllOf, AnyOf, FilterNode, Not, Operator, Term
from vimesh.domain.vims import Vim

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND = dt.timedelta(microseconds=1)
_TEXTS: Mapping[str, Callable[[Vim], str]] = {
    "id": lambda vim: vim.id,
    "name": lambda vim: vim.name,
    "type": lambda vim: vim.type,
    "status": lambda vim: vim.status,
    "reason": lambda vim: vim.reason,
    "project_id": lambda vim: vim.project_id,
    "auth_url": lambda vim: vim.auth_url,
    "is_default": lambda vim: "true" if vim.is_default else "false",
    "engine": lambda vim: vim.monitor.engine,
    "apply_set": lambda vim: vim.applied.apply_set if vim.applied else "",
    "flapping": lambda vim: "true" if vim.flapping else "false",
    "maintenance": lambda vim: "true" if vim.maintenance else "false",
}
_CERTIFICATE_ISSUER = "certificate.issuer"
_TIMES: Mapping[str, Callable[[Vim], dt.datetime | None]] = {
    "create_time": lambda vim: vim.create_time,
    "update_time": lambda vim: vim.update_time,
    "status_time": lambda vim: vim.status_time,
    "certificate.not_after": lambda vim: vim.certificate.not_after if vim.certificate else None,
}
_COMPARISONS: Mapping[Operator, Callable[[int, int], bool]] = {
    Operator.EQUALS: operator.eq,
    Operator.DIFFERS: operator.ne,
    Operator.BELOW: operator.lt,
    Operator.AT_MOST: operator.le,
    Operator.ABOVE: operator.gt,
    Operator.AT_LEAST: operator.ge,
}


def matches(node: FilterNode, vim: Vim) -> bool:
    return _holds(node, lambda term: _term_matches(term, vim))


def labels_match(node: FilterNode, labels: Mapping[str, str]) -> bool:
    """Return whether labels match a filter that compares nothing else."""
    return _holds(node, lambda term: label_matches(term, labels.get(term.field.removeprefix(LABEL_PREFIX))))


def _holds(node: FilterNode, term_holds: Callable[[Term], bool]) -> bool:
    match node:
        case Term():
            return term_holds(node)
        case Not(operand):
            return not _holds(operand, term_holds)
        case AllOf(operands):
            return all(_holds(operand, term_holds) for operand in operands)
        case AnyOf(operands):
            return any(_holds(operand, term_holds) for operand in operands)


def text_matches(term: Term, text: str) -> bool:
    """Return whether a text matches the term of a field that has texts or words."""
    if term.operator is Operator.HAS:
        return bool(text) if term.value == "*" else has_pattern(text, f"*{term.value}*")
    has_stars = FIELDS[term.field].kind is FieldKind.PATTERN
    equal = has_pattern(text, term.value) if has_stars else text == term.value
    return equal is (term.operator is Operator.EQUALS)


def label_matches(term: Term, value: str | None) -> bool:
    """Return whether a label matches the term; None: the VIM does not have it, which differs from any value."""
    if value is None:
        return term.operator is Operator.DIFFERS
    if term.operator is Operator.HAS:
        return has_pattern(value, f"*{term.value}*")
    return has_pattern(value, term.value) is (term.operator is Operator.EQUALS)


def _condition_matches(term: Term, vim: Vim) -> bool:
    """Return whether a condition reads as the term says; HAS: whether the VIM has it at all."""
    type_ = term.field.removeprefix(CONDITION_PREFIX)
    status = next((one.status for one in vim.conditions if one.type == type_), None)
    return status is not None if term.operator is Operator.HAS else status == term.value


def has_pattern(text: str, pattern: str) -> bool:
    """Return whether the text matches a pattern, in which only `*` is special and stands for any text."""
    first, *others = pattern.split("*")
    if not others:
        return text == pattern
    *middle, last = others
    if len(text) < len(first) + len(last) or not text.startswith(first) or not text.endswith(last):
        return False
    start, end = len(first), len(text) - len(last)
    for part in middle:
        found = text.find(part, start, end)
        if found < 0:
            return False
        start = found + len(part)
    return True


def _term_matches(term: Term, vim: Vim) -> bool:
    if term.field in _TIMES:
        time = _TIMES[term.field](vim)
        if time is None:
            return term.operator is Operator.DIFFERS
        return _COMPARISONS[term.operator]((time - _EPOCH) // _MICROSECOND, int(term.value))
    if term.field.startswith(CONDITION_PREFIX):
        return _condition_matches(term, vim)
    if term.field == _CERTIFICATE_ISSUER:
        return label_matches(term, vim.certificate.issuer if vim.certificate else None)
    if term.field.startswith(LABEL_PREFIX):
        return label_matches(term, vim.labels.get(term.field.removeprefix(LABEL_PREFIX)))
    return text_matches(term, _TEXTS[term.field](vim))
