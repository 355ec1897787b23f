"""Parses JSON within limits, and more strictly than Python: no duplicate keys, and only finite numbers."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence

from vimesh.files.file_errors import BadFile
from vimesh.files.file_limits import MAX_DEPTH, MAX_DIGITS, MAX_ENTRY_BYTES, MAX_VALUES

TOO_DEEP = f"is nested deeper than {MAX_DEPTH} levels"
TOO_MANY_VALUES = f"holds more than {MAX_VALUES} values"
TOO_MANY_DIGITS = f"holds a number of more than {MAX_DIGITS} digits"
NOT_FINITE = "holds a number that is not finite"


def read_json(text: str) -> object:
    """Parse a text that contains one value and nothing else. Raises BadFile, with the line of a syntax error."""
    try:
        content, end = read_json_at(text, _next(text, 0))
    except json.JSONDecodeError as error:
        raise _located(error) from None
    if (after := _next(text, end)) < len(text):
        raise _located(json.JSONDecodeError("Extra data", text, after))
    return content


def _next(text: str, place: int) -> int:
    """Return the index of the next character that is not white space."""
    return len(text) - len(text[place:].lstrip())


def _located(error: json.JSONDecodeError) -> BadFile:
    return explained(error.msg, error.lineno, error.colno)


def read_json_at(text: str, place: int) -> tuple[object, int]:
    """Parse the value that starts at `place`; return it, and where it ends. Raises JSONDecodeError, BadFile."""
    try:
        content, end = _DECODER.raw_decode(text, place)
    except RecursionError:
        raise BadFile(TOO_DEEP) from None
    _require_bounded(text, place, end, content)
    return content, end


def explained(problem: str, line: int, column: int) -> BadFile:
    return BadFile(f"is not JSON: {problem} at character {column}", line)


def _require_bounded(text: str, begin: int, end: int, content: object) -> None:
    if end - begin > MAX_ENTRY_BYTES:
        raise BadFile(f"is longer than {MAX_ENTRY_BYTES} characters")
    # Counting brackets is a hundred times as fast as walking, and suffices for small values.
    openings = text.count("[", begin, end) + text.count("{", begin, end)
    if openings > MAX_DEPTH or openings + text.count(",", begin, end) >= MAX_VALUES:
        _walk(content)


def _walk(content: object) -> None:
    """Raise BadFile for too many values, or too many levels of them."""
    level: Sequence[object] = [content]
    values = 0
    for _ in range(MAX_DEPTH + 1):
        values += len(level)
        if values > MAX_VALUES:
            raise BadFile(TOO_MANY_VALUES)
        level = [inner for each in level for inner in _inside(each)]
        if not level:
            return
    raise BadFile(TOO_DEEP)


def _inside(value: object) -> Sequence[object]:
    if isinstance(value, Mapping):
        return list(value.values())
    return value if isinstance(value, list) else ()


def _mapping(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    made = dict(pairs)
    if len(made) < len(pairs):
        raise BadFile("has a duplicate key in an object")
    return made


def _integer(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise BadFile(TOO_MANY_DIGITS)
    return int(digits)


def _float(digits: str) -> float:
    if len(digits) > MAX_DIGITS:
        raise BadFile(TOO_MANY_DIGITS)
    if math.isinf(made := float(digits)):
        raise BadFile(NOT_FINITE)
    return made


def _constant(word: str) -> float:
    raise BadFile(f"is not JSON: {word} is not allowed")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_mapping, parse_int=_integer, parse_float=_float, parse_constant=_constant
)
