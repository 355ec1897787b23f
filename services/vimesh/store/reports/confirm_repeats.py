"""Confirms contacts without news: while the cached standings are still current, nothing has to be judged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter, is_

from sqlalchemy import Connection

from vimesh.store.change_log.transaction import Changes
from vimesh.store.leases.extend_leases import extend_leases
from vimesh.store.reports.standing_cache import (
    CachedRepeat,
    CachedStanding,
    CacheSnapshot,
    LeaseGrants,
    LogPosition,
    StandingCache,
)
from vimesh.store.schema.timestamps import MICROS

_LEASE_UNTIL = attrgetter("lease_until")


@dataclass(frozen=True, slots=True)
class RepeatBatch:
    """The cached standings that a group of repeats relies on."""

    snapshot: CacheSnapshot
    vim_ids: Sequence[str]
    standings: Sequence[CachedStanding]
    first_end: int
    last_end: int
    """The times at which the first and the last of their leases end."""
    contact_within_s: float

    @classmethod
    def of(cls, repeats: Sequence[CachedRepeat], cache: StandingCache) -> RepeatBatch | None:
        """Return the batch, or None if a cached standing was replaced since. Call this in the loop's thread."""
        vim_ids, standings, paces = zip(*repeats, strict=True)
        if not all(map(is_, map(cache.snapshot.standings.get, vim_ids), standings)):
            return None
        ends = list(map(_LEASE_UNTIL, standings))
        # All calls have the same pace, except those that were waiting when the pace changed.
        return cls(cache.snapshot, vim_ids, standings, min(ends), max(ends), max(paces))

    def is_lease_due(self, now: int) -> bool:
        """Return whether a lease has to be extended."""
        return self.first_end < LeaseGrants(now)[self.contact_within_s].enough_until

    def is_current(self, log_position: LogPosition) -> bool:
        """Return whether the transaction found these standings current and their leases valid."""
        return (
            log_position.changed_vims is not None
            and log_position.changed_vims.isdisjoint(self.vim_ids)
            and log_position.now <= self.first_end
            and self.last_end <= log_position.longest_until
        )


@dataclass(frozen=True, slots=True)
class Confirmation:
    """The result of checking a batch in a transaction."""

    log_position: LogPosition
    is_confirmed: bool
    extended_until: int = 0
    extended: Sequence[CachedStanding] = ()
    leases_left_s: Sequence[float] = ()
    """What was left of the leases that were extended."""


def confirm(connection: Connection, batch: RepeatBatch) -> Confirmation | None:
    """Check a batch against the committed state. Return None on a read-only server, whose data may be outdated."""
    log_position = LogPosition.read(connection, batch.snapshot)
    if log_position is None:
        return None
    return Confirmation(log_position, batch.is_current(log_position))


def confirm_and_extend(connection: Connection, batch: RepeatBatch) -> Confirmation:
    """Check a batch as `confirm` does; if it holds, extend the leases that are due."""
    changes = Changes.begin(connection)
    log_position = LogPosition.begin(changes, batch.snapshot)
    if not batch.is_current(log_position):
        return Confirmation(log_position, is_confirmed=False)
    grant = LeaseGrants(log_position.now)[batch.contact_within_s]
    if due := [standing for standing in batch.standings if standing.lease_until < grant.enough_until]:
        extend_leases(connection, log_position.now, {grant.until: [standing.number for standing in due]})
    left_s = [(standing.lease_until - log_position.now) / MICROS for standing in due]
    return Confirmation(log_position, is_confirmed=True, extended_until=grant.until, extended=due, leases_left_s=left_s)
