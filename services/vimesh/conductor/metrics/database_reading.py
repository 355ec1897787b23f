"""Counts VIMs, to-dos and receivers in the database at intervals, so that scrapes, however many, ask it nothing."""

from __future__ import annotations

import asyncio
from typing import Final, Never

import structlog

from vimesh.domain.errors import VimeshError
from vimesh.domain.fleet.store_statistics import DatabaseGauges
from vimesh.domain.vim_store import VimStore

_log = structlog.get_logger()

READ_EVERY_S: Final = 10.0


class DatabaseReading:
    def __init__(self, store: VimStore) -> None:
        self._store = store
        self.newest: DatabaseGauges | None = None
        """None before the first reading, and while the database cannot be read: old counts would look like new ones."""

    async def run(self) -> Never:
        """Read at intervals. Runs until cancelled."""
        while True:
            try:
                self.newest = await self._store.read_gauges()
            except VimeshError as error:
                self.newest = None
                _log.debug("cannot count for the metrics", error=str(error), cause=repr(error.__cause__))
            await asyncio.sleep(READ_EVERY_S)
