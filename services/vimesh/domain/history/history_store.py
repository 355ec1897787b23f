"""Defines, as a protocol, what the services require of the store of history."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from vimesh.domain.access.caller import OPEN_CALLER, Caller
from vimesh.domain.history.round_digests import RoundDigest


class DigestDelivery(NamedTuple):
    """The digests of an action, as records, consistent and at least one; see `round_digests`."""

    vim_id: str
    action_id: str
    records: bytes


@dataclass(frozen=True, slots=True)
class RecordedDeliveries:
    refused: int
    """Number of digests that were not recorded."""
    time: dt.datetime
    """By the clock of the database."""


@dataclass(frozen=True, slots=True)
class SampleQuery:
    vim_id: str
    start_time: dt.datetime | None = None
    """None: an hour before the end."""
    end_time: dt.datetime | None = None
    """None: now, by the clock of the database."""
    resolution_s: int = 0
    """0: the shortest that makes no more than DEFAULT_SAMPLES."""


class HistorySample(NamedTuple):
    start_time: dt.datetime
    span_s: int
    digest: RoundDigest


class HistoryStore(Protocol):
    """Stores the history of VIMs, within bounds. Raises StoreUnavailable and Overloaded as VimStore does."""

    async def record_digests(
        self, deliveries: Sequence[DigestDelivery], caller: Caller = OPEN_CALLER
    ) -> RecordedDeliveries:
        """Record digests of wanted actions for which the caller may report, and of minutes that have none yet."""

    async def list_samples(self, query: SampleQuery, caller: Caller = OPEN_CALLER) -> list[HistorySample]:
        """Return the history of a VIM in order. Raises VimNotFound, and BadInput for a time that is too long."""

    async def compact_history(self, size_bytes: int, limit: int) -> int:
        """Merge or drop up to about `limit` of the rows that are too old or too many; return how many."""
