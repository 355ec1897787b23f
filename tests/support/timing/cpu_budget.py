"""Judges the CPU cost of work by that of similar work on the same machine at the same time."""

from __future__ import annotations

import gc
import json
import time
from collections.abc import Generator
from contextlib import AbstractContextManager, nullcontext
from statistics import median

_YARDSTICK = "[" + "[],{}," * 30_000 + "0]"
_YARDSTICK_S = 0.008
"""CPU that reading it takes on the machine for which the limits are given, when that is otherwise idle."""
_READINGS = 5
_ATTEMPTS = 3


def cpu_budget(seconds: float) -> Generator[AbstractContextManager[None]]:
    """Yield blocks to do the same work in until one takes at most this CPU of the process; fail if none of three does.

    What else runs on the machine or in the process can only add to the CPU, so the cheapest of several tries says what
    the work costs: `for attempt in cpu_budget(0.1): with attempt: ...`. `seconds` are those of an idle machine, and are
    scaled by the slowness of this one.
    """
    factor_before = 1.0
    for left in reversed(range(_ATTEMPTS)):
        # Work that makes many objects would pay for the collector's way through all that the other tests have made.
        gc.freeze()
        try:
            begun = time.process_time()
            yield nullcontext()
            spent_s = time.process_time() - begun
        finally:
            gc.unfreeze()
        if spent_s < seconds:
            return
        factor_after = slowness()
        factor = max(factor_before, factor_after)
        if spent_s < seconds * factor:
            return
        assert left, f"{spent_s:.3f} s of CPU, not {seconds} s, where work takes {factor:.1f} times as long"
        factor_before = factor_after


def slowness() -> float:
    """Return how many times the CPU of an idle machine the same work takes now; at least 1.

    Processes that share a core and its memory cost each other twice the CPU and more.
    """
    return max(1.0, median(_reading_s() for _ in range(_READINGS)) / _YARDSTICK_S)


def _reading_s() -> float:
    begun = time.process_time()
    json.loads(_YARDSTICK)
    return time.process_time() - begun
