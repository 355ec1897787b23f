"""Holds the health of a conductor in a form that other threads than its loop can read."""

from __future__ import annotations

import time
from collections.abc import Callable

from vimesh.rpc.ports.loop_vitals import BLOCKED_S, LoopVitals


class Vitals(LoopVitals):
    """Adds what decides whether a conductor is sent calls."""

    def __init__(self, *, blocked_s: float = BLOCKED_S, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(blocked_s=blocked_s, clock=clock)
        self.database_works = False
        """Whether the database can be read and written."""
        self.draining = False

    @property
    def serving(self) -> bool:
        """Whether the balancer should send calls."""
        return self.database_works and not self.draining and self.loop_runs
