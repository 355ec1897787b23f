"""Implements AvailabilityStore on a SQL database."""

from __future__ import annotations

import time

from vimesh.domain.availability.availability_query import AvailabilityPage, AvailabilityQuery
from vimesh.store.availability.count_changes import count_changes, has_uncounted
from vimesh.store.availability.read_availability import read_availability
from vimesh.store.transactions.database import Database


class SqlAvailabilityStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def query_availability(self, query: AvailabilityQuery) -> AvailabilityPage:
        begun_at = time.monotonic()
        try:
            return await self._database.browse(lambda c: read_availability(c, query))
        finally:
            self._database.statistics.bulk.availability_s.observe(time.monotonic() - begun_at)

    async def count_changes(self, limit: int) -> int:
        # Usually there is nothing to count, and this check does not lock out other writers.
        if not await self._database.read(has_uncounted):
            return 0
        return await self._database.write(lambda c: count_changes(c, limit))
