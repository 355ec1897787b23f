"""Says what may stand at the end of a filter: a field, an operator, a value, or what joins terms."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

_SPACE = re.compile(r"\s*")
_BEFORE_TERM = re.compile(r"(?:\s|\(|-)*")
_BEHIND_TERM = re.compile(r"(?:\s|\))*")
_NAME = re.compile(r"""[^\s"=!<>:()]*""")
_OPERATOR = re.compile(r"!=|<=|>=|[=<>:]")
_VALUE = re.compile(r"""[^\s"=!)]+|"(?:[^"\\]|\\.)*+"?""")
_LABELS: Final = "labels."
_NOT: Final = "NOT"
_JOINTS: Final = ("AND", "OR")
_MAX_TEXT: Final = 10_000

Values = Callable[[str], Iterable[str]]
"""Takes a field, and returns values that the fleet has of it; of `labels`, the keys."""


def filter_candidates(fields: Mapping[str, Any], text: str, values: Values) -> list[str]:
    """Return what the text may become.

    Args:
        fields: What may be compared, each with its `operators`, and its `values` if there is a list of them; labels
            as `labels.`.
        text: What is typed of the filter.
        values: Called if a value of the fleet may stand there.
    """
    if len(text) > _MAX_TEXT:
        return []
    begin = 0
    while True:
        begin = _end(_BEFORE_TERM, text, begin)
        end = _end(_NAME, text, begin)
        name = text[begin:end]
        if end == len(text):
            return [text[:begin] + each for each in _fields(fields, name, values)]
        if name == _NOT:
            begin = end
            continue
        begin = _end(_SPACE, text, end)
        if not (found := _OPERATOR.match(text, begin)):
            return [text[:begin] + each for each in _operators(fields, name) if each.startswith(text[begin:])]
        begin = _end(_SPACE, text, found.end())
        found = _VALUE.match(text, begin)
        end = found.end() if found else begin
        if end == len(text):
            return [text[:begin] + each for each in _values(fields, name, text[begin:], values)]
        begin = _end(_BEHIND_TERM, text, end)
        end = _end(_NAME, text, begin)
        if end == len(text):
            return [text[:begin] + joint for joint in _JOINTS if joint.startswith(text[begin:])]
        if text[begin:end] not in _JOINTS:
            return []
        begin = end


def _end(pattern: re.Pattern[str], text: str, begin: int) -> int:
    found = pattern.match(text, begin)
    return begin if found is None else found.end()


def _fields(fields: Mapping[str, Any], typed: str, values: Values) -> list[str]:
    """Return the fields that begin so; of one alone, what may follow it, so that no blank is put behind it."""
    found = [name for name in fields if name.startswith(typed)]
    if typed.startswith(_LABELS):
        found = [_LABELS + key for key in values("labels") if key.startswith(typed.removeprefix(_LABELS))]
    if len(found) == 1 and found != [_LABELS]:
        return [found[0] + operator for operator in _operators(fields, found[0])]
    return found


def _operators(fields: Mapping[str, Any], name: str) -> Iterable[str]:
    operators: Iterable[str] = fields.get(_LABELS if name.startswith(_LABELS) else name, {}).get("operators", ())
    return operators


def _values(fields: Mapping[str, Any], name: str, typed: str, values: Values) -> Iterable[str]:
    known = fields.get(name, {}).get("values", ())
    return [each for each in known or values(name) if each.startswith((typed, typed.upper()))]
