"""Erases what removed secrets have left in the database. Every conductor erases after its own changes."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from typing import Never

from vimesh.domain.errors import VimeshError
from vimesh.domain.vim_store import VimStore
from vimesh.runtime.outage_log import OutageLog

_SHARE = 50
"""It takes at most this fraction (1/50) of the time, because other writers may wait for it."""


class Erasure:
    def __init__(self, store: VimStore, *, period_s: float = 10.0, jitter: Callable[[], float] = random.random) -> None:
        self._store = store
        self._period_s = period_s
        self._jitter = jitter
        self._outage_log = OutageLog("the database", "erasure", meanwhile="removed secrets may remain in its files")

    async def run(self) -> Never:
        """Erase at intervals, if there is anything. Runs until cancelled."""
        took_s = 0.0
        while True:
            # Jitter, so that conductors take turns.
            await asyncio.sleep(max(self._period_s, took_s * _SHARE) * (1 + self._jitter() / 2))
            started_at = time.monotonic()
            with self._outage_log.absorb(VimeshError):
                await self._store.erase_removed()
            took_s = time.monotonic() - started_at
