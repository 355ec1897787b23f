"""Keeps the digests of ping actions until they are delivered. What does not fit is dropped, and counted."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from vimesh.domain.history.round_digests import (
    RECORD_BYTES,
    digests_of,
    first_and_last_slot,
    merged,
    records_of,
)
from vimesh.monitor.targets.target import ActionKey

MOST_OF_ACTION: Final = 60
"""Digests of one action: conductors refuse older ones."""
_MOST_OF_ACTION_BYTES: Final = MOST_OF_ACTION * RECORD_BYTES
MOST_BYTES: Final = 128 * 1024 * 1024
"""Of all digests: those of 100,000 VIMs for half an hour."""

Batch = dict[ActionKey, bytes]
"""The records of each action, oldest first."""


class PendingDigests:
    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most = most_bytes // RECORD_BYTES
        self._records: dict[ActionKey, bytearray] = {}
        self._count = 0
        self.dropped = 0
        """Digests that were never delivered."""

    def __len__(self) -> int:
        """Return the number of actions with digests."""
        return len(self._records)

    def add(self, action: ActionKey, record: bytes) -> None:
        """Add the newest digest of an action."""
        before = self._records.get(action)
        if before is not None and first_and_last_slot(bytes(before[-RECORD_BYTES:])) == first_and_last_slot(record):
            # The action was handed over and came back within the minute: conductors take one digest of each.
            before[-RECORD_BYTES:] = records_of(merged(digests_of(bytes(before[-RECORD_BYTES:] + record)), 1))
        elif before is not None and len(before) >= _MOST_OF_ACTION_BYTES:
            del before[:RECORD_BYTES]
            before += record
            self.dropped += 1
        elif self._count >= self._most:
            self.dropped += 1
        else:
            if before is None:
                self._records[action] = bytearray(record)
            else:
                before += record
            self._count += 1

    def take(self, most: int) -> Batch:
        """Remove and return the digests of up to `most` actions, those that have waited longest."""
        batch = {}
        for action in list(_first(self._records, most)):
            batch[action] = records = bytes(self._records.pop(action))
            self._count -= len(records) // RECORD_BYTES
        return batch

    def put_back(self, batch: Batch) -> None:
        """Keep what could not be delivered, before what came since."""
        for action, records in batch.items():
            newer = bytes(self._records.pop(action, b""))
            self._count -= len(newer) // RECORD_BYTES
            for first in range(0, len(records) + len(newer), RECORD_BYTES):
                self.add(action, (records + newer)[first : first + RECORD_BYTES])

    def drop(self, count: int) -> None:
        """Count digests that are dropped."""
        self.dropped += count


def _first(records: Iterable[ActionKey], most: int) -> list[ActionKey]:
    return [action for action, _ in zip(records, range(most), strict=False)]
