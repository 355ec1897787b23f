"""Keeps history within its bounds. Every conductor runs this; there is no leader."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Final, Never

from vimesh.domain.errors import VimeshError
from vimesh.domain.history.history_limits import HistoryLimits
from vimesh.domain.history.history_store import HistoryStore
from vimesh.runtime.outage_log import OutageLog

_BATCH: Final = 1000
_SHARE: Final = 20
"""After a transaction, this many times as long is left to other writers: a day's history may fall due at once."""


class HistoryCompaction:
    """Merges and drops old rows of history, at intervals."""

    def __init__(
        self,
        store: HistoryStore,
        limits: HistoryLimits,
        *,
        period_s: float = 60.0,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._store = store
        self._limits = limits
        self._period_s = period_s
        self._jitter = jitter
        self._outage_log = OutageLog("the database", "compaction of history", meanwhile="history grows")

    async def run(self) -> Never:
        """Compact at intervals. Runs until cancelled."""
        while True:
            # Jitter, so that conductors take turns.
            await asyncio.sleep(self._period_s * (1 + self._jitter() / 2))
            try:
                await self._compact()
            except VimeshError as error:
                self._outage_log.note_failure(f"{error} ({error.__cause__!r})")
            else:
                self._outage_log.note_success()

    async def _compact(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            began_at = loop.time()
            if not await self._store.compact_history(self._limits.size_bytes, _BATCH):
                return
            await asyncio.sleep((loop.time() - began_at) * _SHARE)
