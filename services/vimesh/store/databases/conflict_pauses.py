"""How long to wait before a transaction is run again that the server rolled back because of another one."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Final

_FIRST_S: Final = 0.005
_LONGEST_S: Final = 0.1


def pauses_s(chance: Callable[[], float] = random.random) -> Iterator[float]:
    """Yield a pause for each repetition, without end: they grow, and those of two that conflict differ."""
    pause_s = _FIRST_S
    while True:
        yield pause_s * chance()
        pause_s = min(2 * pause_s, _LONGEST_S)
