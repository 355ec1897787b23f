"""Judges the CPU cost of work by that of similar work on the same machine at the same time."""

from __future__ import annotations

import json
import time
from collections.abc import Generator
from contextlib import contextmanager
from statistics import median

_YARDSTICK = "[" + "[],{}," * 30_000 + "0]"
_YARDSTICK_S = 0.008
"""CPU that reading it takes on the machine for which the limits are given, when that is otherwise idle."""
_READINGS = 5


@contextmanager
def cpu_budget(seconds: float) -> Generator[None]:
    """Fail if the block takes more CPU of this process than this.

    `seconds` are those of an idle machine: they are scaled by the slowness of this one.
    """
    before = slowness()
    begun = time.process_time()
    yield
    spent_s = time.process_time() - begun
    factor = max(before, slowness())
    assert spent_s < seconds * factor, (
        f"{spent_s:.3f} s of CPU, not {seconds} s, where work takes {factor:.1f} times as long"
    )


def slowness() -> float:
    """Return how many times the CPU of an idle machine the same work takes now; at least 1.

    Processes that share a core and its memory cost each other twice the CPU and more.
    """
    return max(1.0, median(_reading_s() for _ in range(_READINGS)) / _YARDSTICK_S)


def _reading_s() -> float:
    begun = time.process_time()
    json.loads(_YARDSTICK)
    return time.process_time() - begun
