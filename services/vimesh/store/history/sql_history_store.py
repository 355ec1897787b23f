"""Implements the store of history on a SQL database."""

from __future__ import annotations

from collections.abc import Sequence

from vimesh.domain.access.caller import OPEN_CALLER, Caller
from vimesh.domain.history.history_store import DigestDelivery, HistorySample, RecordedDeliveries, SampleQuery
from vimesh.domain.history.round_digests import RECORD_BYTES
from vimesh.store.history import compact_history, list_digests, record_digests
from vimesh.store.transactions.database import Database


class SqlHistoryStore:
    """Implements HistoryStore."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def record_digests(
        self, deliveries: Sequence[DigestDelivery], caller: Caller = OPEN_CALLER
    ) -> RecordedDeliveries:
        if not deliveries:
            return RecordedDeliveries(0, await self._database.read(list_digests.read_clock))
        recorded = await self._database.write(lambda c: record_digests.record(c, deliveries, caller))
        count = sum(len(delivery.records) // RECORD_BYTES for delivery in deliveries)
        self._database.statistics.bulk.digests.update(recorded=count - recorded.refused, refused=recorded.refused)
        return recorded

    async def list_samples(self, query: SampleQuery, caller: Caller = OPEN_CALLER) -> list[HistorySample]:
        return await self._database.browse(lambda c: list_digests.read(c, query, caller))

    async def compact_history(self, size_bytes: int, limit: int) -> int:
        if not await self._database.read(lambda c: compact_history.has_surplus(c, size_bytes)):
            return 0
        return await self._database.write(lambda c: compact_history.compact(c, size_bytes, limit))
