"""Removes notifications that were on record for long enough. Every conductor runs this; there is no leader."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Final, Never

from vimesh.conductor.upkeep.paced_batches import work_in_batches
from vimesh.domain.notifications.receiver_store import ReceiverStore
from vimesh.runtime.outage_log import OutageLog

_BATCH: Final = 100
_PAUSE_FACTOR: Final = 5
"""After a transaction, this many times as long is left to other writers."""


class NotificationCleanup:
    def __init__(
        self, store: ReceiverStore, *, period_s: float = 60.0, jitter: Callable[[], float] = random.random
    ) -> None:
        self._store = store
        self._period_s = period_s
        self._jitter = jitter
        self._outage_log = OutageLog("the database", "removal of old notifications", meanwhile="they stay on record")

    async def run(self) -> Never:
        """Clean up at intervals. Runs until cancelled."""
        await work_in_batches(
            lambda: self._store.forget(_BATCH),
            self._outage_log,
            period_s=self._period_s,
            jitter=self._jitter,
            pause_factor=_PAUSE_FACTOR,
        )
