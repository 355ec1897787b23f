"""Defines how much of the log of changes is kept."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from vimesh.domain.errors import BadSetting

_BATCH = 1000
"""How many changes to drop in one transaction: reports can be written in between."""


@dataclass(frozen=True, slots=True)
class Retention:
    """A change is dropped if there are too many newer ones, if they take too many bytes, or if it is too old."""

    events: int = 1_000_000
    """Maximum number of changes to keep, the newest ones."""
    age_s: float = 30 * 86400.0
    """Maximum age of a change, by the database's clock."""
    size_bytes: int = 1024**3
    """Approximate number of bytes that the kept changes may take in the database."""

    def __post_init__(self) -> None:
        if self.events < 0:
            raise BadSetting("keep_events", "must not be below 0")
        if not self.age_s > 0:
            raise BadSetting("keep_for", "must be above 0")
        if self.size_bytes < 0:
            raise BadSetting("keep_bytes", "must not be below 0")


async def in_batches(drop: Callable[[int], Awaitable[int]]) -> int:
    """Call `drop` with a batch size until nothing is left to drop; return how many were dropped.

    `drop` returns how many it dropped, which may be fewer than the batch size.
    """
    total = 0
    while dropped := await drop(_BATCH):
        total += dropped
    return total
