"""Bounds the change log and the record of requests. Every conductor runs this; there is no leader."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from typing import Never

import structlog

from vimesh.domain.errors import VimeshError
from vimesh.domain.retention import Retention, in_batches
from vimesh.domain.vim_store import VimStore
from vimesh.runtime.outage_log import OutageLog

_log = structlog.get_logger()

_SHARE = 32
"""Growth of the log, as a fraction (1/32) of the retained size, that triggers a compaction before the period ends."""


class LogCompaction:
    """Drops entries past their retention: after each period, and early if much was written."""

    def __init__(
        self,
        store: VimStore,
        retention: Retention,
        *,
        period_s: float = 60.0,
        check_interval_s: float = 1.0,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """Check every `check_interval_s` seconds how much was written, which costs reading one row."""
        self._store = store
        self._retention = retention
        self._period_s = period_s
        self._check_interval_s = check_interval_s
        self._jitter = jitter
        self._outage_log = OutageLog("the database", "compaction", meanwhile="the log of changes grows")
        self._next_at = 0.0
        self._logged_bytes = 0

    async def run(self) -> Never:
        """Compact at intervals. Runs until cancelled."""
        self._next_at = self._next_time()
        while True:
            await asyncio.sleep(self._check_interval_s)
            with self._outage_log.absorb(VimeshError):
                if dropped := await self._compact():
                    _log.info("dropped old changes", count=dropped)

    async def _compact(self) -> int:
        logged_bytes = await self._store.logged_bytes()
        grown_bytes, due = logged_bytes - self._logged_bytes, time.monotonic() >= self._next_at
        if grown_bytes < self._retention.size_bytes / _SHARE and not due:
            return 0
        self._logged_bytes = logged_bytes
        if due:
            self._next_at = self._next_time()
            await self._store.forget_requests()
        return await in_batches(lambda limit: self._store.compact(self._retention, limit))

    def _next_time(self) -> float:
        # Jitter, so that conductors take turns.
        return time.monotonic() + self._period_s * (1 + self._jitter() / 2)
