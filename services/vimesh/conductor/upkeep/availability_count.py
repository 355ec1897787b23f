"""Counts changes into the days and months of availability. Every conductor does it; there is no leader (G20)."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Never

from vimesh.conductor.upkeep.paced_batches import work_in_batches
from vimesh.domain.availability.availability_store import AvailabilityStore
from vimesh.runtime.outage_log import OutageLog

_BATCH = 500
"""Changes to count in one transaction."""
_PAUSE_FACTOR = 3


class AvailabilityCount:
    def __init__(
        self, store: AvailabilityStore, *, period_s: float = 60.0, jitter: Callable[[], float] = random.random
    ) -> None:
        self._store = store
        self._period_s = period_s
        self._jitter = jitter
        self._outage_log = OutageLog("the database", "availability", meanwhile="the log of changes is not shortened")

    async def run(self) -> Never:
        """Count at intervals. Runs until cancelled."""
        await work_in_batches(
            lambda: self._store.count_changes(_BATCH),
            self._outage_log,
            period_s=self._period_s,
            jitter=self._jitter,
            pause_factor=_PAUSE_FACTOR,
        )
