"""Checks whether a regular expression takes time in proportion to its input."""

from __future__ import annotations

import re
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from tests.support.regexes.adversaries import Adversary, adversaries

_SIZES = (16, 64, 256, 1024, 4096)
"""Exponential growth shows at the first size, cubic growth before it takes long, and quadratic growth at the last."""
_WORTH_A_LOOK_S = 0.001
"""A linear expression needs less than a tenth of this for any of the sizes."""
_TOLERANCE = 2.0
_REPEATS = 7


def superlinear(expression: re.Pattern[Any], method: str) -> Adversary | None:
    """Return an input that costs more than in proportion to its size, if there is any."""
    applied = _applied(expression, method)
    return next((each for each in adversaries(expression) if _outgrows(applied, expression, each)), None)


def _outgrows(applied: Callable[[Any], object], expression: re.Pattern[Any], adversary: Adversary) -> bool:
    for smaller, size in zip((1, *_SIZES), _SIZES, strict=False):
        text = _text(expression, adversary, size)
        if _cpu_s(applied, text) < _WORTH_A_LOOK_S:
            continue
        # Measure again, because one measurement may include other work of this process. Measure in turn,
        # because a machine may be twice as fast a moment later.
        smaller_text = _text(expression, adversary, smaller)
        pairs = [(_cpu_s(applied, text), _cpu_s(applied, smaller_text)) for _ in range(_REPEATS)]
        cpu_s, smaller_cpu_s = map(min, zip(*pairs, strict=True))
        if cpu_s > _WORTH_A_LOOK_S and cpu_s > smaller_cpu_s * size / smaller * _TOLERANCE:
            return True
    return False


def _text(expression: re.Pattern[Any], adversary: Adversary, size: int) -> str | bytes:
    text = adversary.of_size(size)
    return text.encode("latin-1") if isinstance(expression.pattern, bytes) else text


def _cpu_s(applied: Callable[[Any], object], text: str | bytes) -> float:
    begun = time.process_time()
    applied(text)
    return time.process_time() - begun


def _applied(expression: re.Pattern[Any], method: str) -> Callable[[Any], object]:
    match method:
        case "sub" | "subn":
            nothing = b"" if isinstance(expression.pattern, bytes) else ""
            return lambda text: expression.sub(nothing, text)
        case "finditer":
            return lambda text: deque(expression.finditer(text), 0)
        case _:
            applied: Callable[[Any], object] = getattr(expression, method)
            return applied
