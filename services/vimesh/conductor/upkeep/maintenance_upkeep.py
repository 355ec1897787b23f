"""Keeps the spans of maintenance up to date, and watchers informed. Every conductor does it; there is no leader."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from typing import Never

from vimesh.conductor.watches.event_feed import EventFeed
from vimesh.domain.errors import VimeshError
from vimesh.domain.maintenance.maintenance_store import MaintenanceStore
from vimesh.domain.retention import in_batches
from vimesh.runtime.outage_log import OutageLog

_BATCH_SIZE = 250
"""Maximum number of events in one transaction, so that reports get in between."""
_PAUSE_FACTOR = 1
"""Length of the pause after such a transaction, as a multiple of its duration."""
_FORGET_EVERY_S = 3600.0


class MaintenanceUpkeep:
    def __init__(
        self,
        store: MaintenanceStore,
        feed: EventFeed,
        *,
        period_s: float = 1.0,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """Look every `period_s` seconds, which is one query while no window is open."""
        self._store = store
        self._feed = feed
        self._period_s = period_s
        self._jitter = jitter
        self._poke = asyncio.Event()
        self._forget_at = time.monotonic() + _FORGET_EVERY_S * jitter()
        self._outage_log = OutageLog(
            "the maintenance windows", "maintenance", meanwhile="watchers are not told who is in maintenance"
        )

    def poke(self) -> None:
        """Look soon, because a window was created or ended."""
        self._poke.set()

    async def run(self) -> Never:
        """Look at intervals, first at once: much may be due after an outage. Runs until cancelled."""
        while True:
            self._poke.clear()
            with self._outage_log.absorb(VimeshError):
                await self._keep_up()
            try:
                # Jitter, so that conductors take turns.
                async with asyncio.timeout(self._period_s * (1 + self._jitter() / 2)):
                    await self._poke.wait()
            except TimeoutError:
                continue

    async def _keep_up(self) -> None:
        while True:
            begun_at = time.monotonic()
            more = await self._store.keep_up(_BATCH_SIZE)
            self._feed.poke()
            if not more:
                break
            await asyncio.sleep(_PAUSE_FACTOR * (time.monotonic() - begun_at))
        if time.monotonic() >= self._forget_at:
            self._forget_at = time.monotonic() + _FORGET_EVERY_S
            await in_batches(self._store.forget)
