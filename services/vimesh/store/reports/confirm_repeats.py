"""Contacts of actions without news: once it is sure that what is known is still on record, nothing is judged."""

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
    """What repeats rest on."""

    state: CacheSnapshot
    vim_ids: Sequence[str]
    held: Sequence[CachedStanding]
    first_end: int
    last_end: int
    """Between which times their leases end."""
    contact_within_s: float

    @classmethod
    def of(cls, repeats: Sequence[HeldRepeat], known: StandingCache) -> RepeatBatch | None:
        """Return them; None if something else is known by now. To be called in the loop's thread."""
        vim_ids, held, paces = zip(*repeats, strict=True)
        if not all(map(is_, map(known.state.held.get, vim_ids), held)):
            return None
        ends = list(map(_LEASE_UNTIL, held))
        # All calls are told the same, but for those that were waiting when the pace changed.
        return cls(known.state, vim_ids, held, min(ends), max(ends), max(paces))

    def due(self, now: int) -> bool:
        """Say whether a lease has to go on."""
        return self.first_end < LeaseGrants(now)[self.contact_within_s].least

    def hold(self, found: LogPosition) -> bool:
        """Say whether that is what a transaction has found."""
        return (
            found.changed is not None
            and found.changed.isdisjoint(self.vim_ids)
            and found.now <= self.first_end
            and self.last_end <= found.longest
        )


@dataclass(frozen=True, slots=True)
class Confirmation:
    """What a transaction has found of claims."""

    found: LogPosition
    hold: bool
    renewed_until: int = 0
    renewed: Sequence[CachedStanding] = ()


def confirm(connection: Connection, claims: RepeatBatch) -> Confirmation | None:
    """Find out whether claims are of what is committed. None: this server cannot tell."""
    found = LogPosition.read(connection, claims.state)
    if found is None:
        return None
    return Confirmation(found, claims.hold(found))


def confirm_and_renew(connection: Connection, claims: RepeatBatch) -> Confirmation:
    """Do so, and if they are, let the leases go on that are due."""
    changes = Changes.begin(connection)
    found = LogPosition.begin(connection, claims.state, changes.newest, changes.stamp, changes.now)
    if not claims.hold(found):
        return Confirmation(found, hold=False)
    grant = LeaseGrants(found.now)[claims.contact_within_s]
    if due := [held for held in claims.held if held.lease_until < grant.least]:
        renew(connection, found.now, {grant.until: [held.number for held in due]})
    return Confirmation(found, hold=True, renewed_until=grant.until, renewed=due)
