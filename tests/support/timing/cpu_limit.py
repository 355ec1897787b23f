"""Ends work that takes too much CPU of this process, even if it would never end."""

from __future__ import annotations

import signal
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType

from tests.support.timing.cpu_budget import slowness


@contextmanager
def cpu_limit(limit_s: float) -> Generator[None]:
    """Raise AssertionError in the block when it has taken more, in seconds of an idle machine."""
    limit_s *= slowness()

    def over(_signal: int, _frame: FrameType | None) -> None:
        raise AssertionError(f"took more than {limit_s:g} s of CPU")

    before = signal.signal(signal.SIGPROF, over)
    signal.setitimer(signal.ITIMER_PROF, limit_s)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
