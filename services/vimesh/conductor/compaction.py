"""Keeping the log of changes from growing for ever: every conductor does it, and none leads."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Never

import structlog

from vimesh.domain.errors import VimeshError
from vimesh.domain.ports import VimStore
from vimesh.domain.retention import Retention, in_batches
from vimesh.rpc.link import Link

_log = structlog.get_logger()


class Compaction:
    def __init__(
        self,
        store: VimStore,
        retention: Retention,
        *,
        period_s: float = 60.0,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._store = store
        self._retention = retention
        self._period_s = period_s
        self._jitter = jitter
        self._link = Link("the database", "compaction", meanwhile="the log of changes grows")

    async def run(self) -> Never:
        """Drop what is not to be kept, again and again. Runs until cancelled."""
        while True:
            # So that conductors take turns.
            await asyncio.sleep(self._period_s * (1 + self._jitter() / 2))
            try:
                dropped = await in_batches(lambda limit: self._store.compact(self._retention, limit))
            except VimeshError as error:
                self._link.failed(f"{error} ({error.__cause__!r})")
            else:
                self._link.worked()
                if dropped:
                    _log.info("dropped old changes", count=dropped)
