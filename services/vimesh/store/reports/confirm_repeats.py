"""Confirms contacts without news: while the cached standings are still current, nothing has to be judged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter, is_

from sqlalchemy import Connection

from vimesh.store.change_log.transaction import Changes
from vimesh.store.leases.extend_leases import renew
from vimesh.store.reports.standing_cache import (
    CachedStanding,
    CacheSnapshot,
    HeldRepeat,
    LeaseGrants,
    LogPosition,
    StandingCache,
)

_LEASE_UNTIL = attrgetter("lease_until")


@dataclass(frozen=True, slots=True)
class RepeatBatch:
    """The cached standings that a group of repeats relies on."""

    state: CacheSnapshot
    vim_ids: Sequence[str]
    held: Sequence[CachedStanding]
    first_end: int
    last_end: int
    """The times at which the first and the last of their leases end."""
    contact_within_s: float

    @classmethod
    def of(cls, repeats: Sequence[HeldRepeat], known: StandingCache) -> RepeatBatch | None:
        """Return the batch, or None if a cached standing was replaced since. Call this in the loop's thread."""
        vim_ids, held, paces = zip(*repeats, strict=True)
        if not all(map(is_, map(known.state.held.get, vim_ids), held)):
            return None
        ends = list(map(_LEASE_UNTIL, held))
        # All calls have the same pace, except those that were waiting when the pace changed.
        return cls(known.state, vim_ids, held, min(ends), max(ends), max(paces))

    def due(self, now: int) -> bool:
        """Return whether a lease has to be extended."""
        return self.first_end < LeaseGrants(now)[self.contact_within_s].least

    def hold(self, found: LogPosition) -> bool:
        """Return whether the transaction found these standings current and their leases valid."""
        return (
            found.changed is not None
            and found.changed.isdisjoint(self.vim_ids)
            and found.now <= self.first_end
            and self.last_end <= found.longest
        )


@dataclass(frozen=True, slots=True)
class Confirmation:
    """The result of checking a batch in a transaction."""

    found: LogPosition
    hold: bool
    renewed_until: int = 0
    renewed: Sequence[CachedStanding] = ()


def confirm(connection: Connection, claims: RepeatBatch) -> Confirmation | None:
    """Check a batch against the committed state. Return None on a read-only server, whose data may be outdated."""
    found = LogPosition.read(connection, claims.state)
    if found is None:
        return None
    return Confirmation(found, claims.hold(found))


def confirm_and_renew(connection: Connection, claims: RepeatBatch) -> Confirmation:
    """Check a batch as `confirm` does; if it holds, extend the leases that are due."""
    changes = Changes.begin(connection)
    found = LogPosition.begin(connection, claims.state, changes.newest, changes.stamp, changes.now)
    if not claims.hold(found):
        return Confirmation(found, hold=False)
    grant = LeaseGrants(found.now)[claims.contact_within_s]
    if due := [held for held in claims.held if held.lease_until < grant.least]:
        renew(connection, found.now, {grant.until: [held.number for held in due]})
    return Confirmation(found, hold=True, renewed_until=grant.until, renewed=due)
