"""JSON that came from outside: objects that protobuf can say, and that every reader takes for the same."""

from __future__ import annotations

import json
import math
from collections import Counter
from typing import Final, Never

from vimesh.wire.limits import MAX_FREE_FORM_VALUES

MAX_FREE_FORM_DEPTH: Final = 16
"""How deep a free-form field may be nested, itself included."""


class NotTaken(ValueError):
    """The text is no such object. The message says why, and holds no values that may be secret."""


def object_of(text: bytes) -> dict[str, object]:
    """Read a JSON object, whose text is bounded already. Raises NotTaken."""
    try:
        found = json.loads(text.decode(), object_pairs_hook=_object, parse_constant=_no_number)
        # Half of a pair of surrogates is no text, and protobuf fails over it in many ways.
        json.dumps(found, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        problem = _said(error)
    else:
        if isinstance(found, dict):
            return found
        problem = "must be a JSON object"
    # Outside of the handler: the error that was caught holds all of the text, and would hang on this one.
    raise NotTaken(problem)


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        [(twice, _)] = Counter(name for name, _ in pairs).most_common(1)
        raise NotTaken(f"holds the name {twice[:100]!r} twice in one object")
    return found


def _no_number(word: str) -> Never:
    raise NotTaken(f"holds {word}, which is no number")


def _said(error: Exception) -> str:
    match error:
        case UnicodeEncodeError():
            return "holds half of a pair of surrogates, which is no text"
        case NotTaken():
            return str(error)
        case json.JSONDecodeError() | UnicodeDecodeError():
            return f"is no JSON: {error}"
        case RecursionError():
            return "is nested too deep"
    return "holds a number with too many digits"


def excess(values: dict[str, object]) -> str:
    """Say what of JSON is too much for a free-form field, its bytes aside; nothing if it can be made a message."""
    level: list[dict[str, object] | list[object]] = [values]
    left = MAX_FREE_FORM_VALUES
    for _ in range(MAX_FREE_FORM_DEPTH):
        left -= sum(map(len, level))
        if left < 0:
            return f"holds more than {MAX_FREE_FORM_VALUES} values"
        inner = [value for each in level for value in (each.values() if isinstance(each, dict) else each)]
        if not all(_fits_double(value) for value in inner if isinstance(value, int | float)):
            return "holds a number that JSON cannot"
        level = [value for value in inner if isinstance(value, dict | list)]
        if not level:
            return ""
    return f"is nested deeper than {MAX_FREE_FORM_DEPTH} levels"


def _fits_double(number: float) -> bool:
    try:
        return math.isfinite(number)
    except OverflowError:
        return False
