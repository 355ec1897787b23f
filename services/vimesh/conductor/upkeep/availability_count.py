"""Counts changes into the days and months of availability. Every conductor does it; there is no leader (G20)."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from typing import Never

from vimesh.domain.availability.availability_store import AvailabilityStore
from vimesh.domain.errors import VimeshError
from vimesh.runtime.outage_log import OutageLog

_BATCH = 500
"""Changes to count in one transaction."""
_PAUSE_FACTOR = 3
"""Length of the pause after each, as a multiple of its duration: it leaves room for reports."""


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
        while True:
            # Jitter, so that conductors take turns.
            await asyncio.sleep(self._period_s * (1 + self._jitter() / 2))
            try:
                await self._count()
            except VimeshError as error:
                self._outage_log.note_failure(f"{error} ({error.__cause__!r})")
            else:
                self._outage_log.note_success()

    async def _count(self) -> None:
        started_at = time.monotonic()
        while await self._store.count_changes(_BATCH):
            await asyncio.sleep(_PAUSE_FACTOR * (time.monotonic() - started_at))
            started_at = time.monotonic()
