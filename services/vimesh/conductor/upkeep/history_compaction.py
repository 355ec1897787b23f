"""Keeps history within its bounds. Every conductor runs this; there is no leader."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Final, Never

from vimesh.conductor.upkeep.paced_batches import work_in_batches
from vimesh.domain.history.history_limits import HistoryLimits
from vimesh.domain.history.history_store import HistoryStore
from vimesh.runtime.outage_log import OutageLog

_BATCH: Final = 1000
_PAUSE_FACTOR: Final = 20
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
        await work_in_batches(
            lambda: self._store.compact_history(self._limits.size_bytes, _BATCH),
            self._outage_log,
            period_s=self._period_s,
            jitter=self._jitter,
            pause_factor=_PAUSE_FACTOR,
        )
