"""How much of the log of changes is kept."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from vimesh.domain.errors import BadSetting

_BATCH = 1000
"""How many changes to drop in one transaction: reports come in between."""


@dataclass(frozen=True, slots=True)
class Retention:
    """A change is dropped when newer ones are too many or take too many bytes, or when it is too old."""

    events: int = 1_000_000
    """How many of the newest changes are kept at most."""
    age_s: float = 30 * 86400.0
    """How old a change may be, by the database's clock."""
    size_bytes: int = 1024**3
    """How many bytes the newest changes may take in the database, about."""

    def __post_init__(self) -> None:
        if self.events < 0:
            raise BadSetting("keep_events", "must not be below 0")
        if not self.age_s > 0:
            raise BadSetting("keep_for", "must be above 0")
        if self.size_bytes < 0:
            raise BadSetting("keep_bytes", "must not be below 0")


async def in_batches(drop: Callable[[int], Awaitable[int]]) -> int:
    """Drop up to so many changes at a time until none are left to drop; return how many they were.

    `drop` returns how many it dropped, which may be fewer than it was allowed to.
    """
    total = 0
    while dropped := await drop(_BATCH):
        total += dropped
    return total
