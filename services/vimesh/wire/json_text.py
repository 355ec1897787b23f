"""Reads JSON from outside, and accepts only objects that protobuf can represent and every reader reads alike."""

from __future__ import annotations

import json
import math
from collections import Counter
from typing import Final, Never

from vimesh.wire.limits import MAX_FREE_FORM_VALUES

MAX_FREE_FORM_DEPTH: Final = 16
"""Maximum nesting depth of a free-form field, itself included."""


class NotTaken(ValueError):
    """The text is not such an object. The message says why, and contains no values, as these may be secret."""


def parse_object(text: bytes) -> dict[str, object]:
    """Read a JSON object; the caller has already bounded the length of its text. Raises NotTaken."""
    try:
        parsed = json.loads(text.decode(), object_pairs_hook=_object, parse_constant=_no_number)
        # A lone surrogate is not valid text, and protobuf fails on it in many ways.
        json.dumps(parsed, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        problem = _problem_of(error)
    else:
        if isinstance(parsed, dict):
            return parsed
        problem = "must be a JSON object"
    # Raise outside the handler: the caught error holds the whole text, and this error would keep it alive.
    raise NotTaken(problem)


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    values = dict(pairs)
    if len(values) < len(pairs):
        [(duplicate, _)] = Counter(name for name, _ in pairs).most_common(1)
        raise NotTaken(f"holds the name {duplicate[:100]!r} twice in one object")
    return values


def _no_number(word: str) -> Never:
    raise NotTaken(f"holds {word}, which is not a number")


def _problem_of(error: Exception) -> str:
    match error:
        case UnicodeEncodeError():
            return "contains half of a surrogate pair, which is not text"
        case NotTaken():
            return str(error)
        case json.JSONDecodeError() | UnicodeDecodeError():
            return f"is not JSON: {error}"
        case RecursionError():
            return "is nested too deeply"
    return "holds a number with too many digits"


def exceeded_bound(values: dict[str, object]) -> str:
    """Return which bound of a free-form field is exceeded, size in bytes aside; empty if it can become a message."""
    level: list[dict[str, object] | list[object]] = [values]
    remaining = MAX_FREE_FORM_VALUES
    for _ in range(MAX_FREE_FORM_DEPTH):
        remaining -= sum(map(len, level))
        if remaining < 0:
            return f"holds more than {MAX_FREE_FORM_VALUES} values"
        inner = [value for each in level for value in (each.values() if isinstance(each, dict) else each)]
        if not all(_fits_double(value) for value in inner if isinstance(value, int | float)):
            return "contains a number that JSON cannot represent"
        level = [value for value in inner if isinstance(value, dict | list)]
        if not level:
            return ""
    return f"is nested deeper than {MAX_FREE_FORM_DEPTH} levels"


def _fits_double(number: float) -> bool:
    try:
        return math.isfinite(number)
    except OverflowError:
        return False
