"""Computes pauses before retrying a transaction that the server rolled back because of another one."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Final

_FIRST_S: Final = 0.005
_LONGEST_S: Final = 0.1


def pauses_s(chance: Callable[[], float] = random.random) -> Iterator[float]:
    """Yield a pause for each retry, without end. Pauses grow, and are random so that conflicting writers separate."""
    pause_s = _FIRST_S
    while True:
        yield pause_s * chance()
        pause_s = min(2 * pause_s, _LONGEST_S)
