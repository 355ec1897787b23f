"""Caches standings in this process, so that most reports are judged without reading them.

A cached standing is still current if no later change concerns its VIM. So a transaction reads the newest revision and
the VIMs of all changes since the revision of the cache; the cached standings of all other VIMs are as good as read.

Two things change without a revision when another conductor writes them:

- A lease. It only ever grows, unless it is longer than any lease can be, so at worst one is extended too early.
- The observation of the same status. The write of an observation therefore states the observation that it assumes (see
  `judge_and_write`), and a mere contact is answered with the status, which is right.

The cache is changed only in the loop's thread; transactions read it from their own threads.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from types import MappingProxyType
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, select

from vimesh.domain.leases import LONGEST_LEASE_S, enough_s, lease_s
from vimesh.domain.vims import BadAction, Outcome, Recorded, Report, Standing, judge
from vimesh.store.change_log.transaction import NEWEST_STAMP, Changes
from vimesh.store.reports.group_commit import Contact
from vimesh.store.schema.tables import events, revisions
from vimesh.store.schema.timestamps import micros
from vimesh.store.sql.prepared_statements import PreparedStatement
from vimesh.store.sql.sql_functions import NowMicros, ReadOnly

_MAX_CHANGES = 10_000
_MAX_STANDINGS = 200_000
_SET_BACK = 5_000_000
"""Microseconds by which the database's clock may seem to fall behind, because this process was slow to read it."""
_LONGEST_LEASE = micros(LONGEST_LEASE_S)
_CHANGES = PreparedStatement(
    select(events.c.vim_id, events.c.revision, events.c.time)
    .where(events.c.revision >= bindparam("revision"))
    .order_by(events.c.revision)
    .limit(bindparam("count"))
)
_HEAD = PreparedStatement(select(revisions.c.newest, NEWEST_STAMP, NowMicros(), ReadOnly(), revisions.c.log_id))


@dataclass(slots=True, kw_only=True)
class CachedStanding(Standing):
    """The part of a VIM's record that reports change, and its lease.

    Transactions in other threads read it, so it is replaced and never modified, except the lease, which only grows, and
    `serialized_report`, which transactions ignore.
    """

    number: int
    engine: str
    project_id: str
    status_time: int
    has_reported: bool
    lease_until: int

    def is_lease_due(self, grant: LeaseGrant) -> bool:
        """Return whether the lease must be extended although nothing else has to be written."""
        return not (self.has_reported and grant.enough_until <= self.lease_until <= grant.longest_until)

    def is_unchanged_by(self, report: Report, grant: LeaseGrant) -> bool:
        """Return whether a report plainly changes nothing, as most do. Then it needs no further judgement."""
        return self.holds and self.matches(report) and not self.is_lease_due(grant)

    def needs_write(self, outcome: Outcome, grant: LeaseGrant) -> bool:
        """Return whether a report with this outcome has to be written."""
        if isinstance(outcome, BadAction):
            return False
        return isinstance(outcome, Recorded) or self.is_lease_due(grant)


CachedRepeat = tuple[str, CachedStanding, float]
"""A Repeat whose standing is in this cache."""


class LeaseGrant(NamedTuple):
    """The lease that a contact is granted. Times in microseconds, by the database's clock."""

    enough_until: int
    """A lease that ends at this time or later is long enough."""
    until: int
    """The end of a lease that is extended now."""
    longest_until: int
    """No lease ends later, unless the clock was set back."""


class LeaseGrants(dict[float, LeaseGrant]):
    """The grants at one time, by the number of seconds within which the action is asked to report again."""

    def __init__(self, now: int) -> None:
        super().__init__()
        self._now = now

    def __missing__(self, contact_within_s: float) -> LeaseGrant:
        now, (enough, full) = self._now, _lease_lengths(contact_within_s)
        grant = self[contact_within_s] = LeaseGrant(now + enough, now + full, now + max(full, _LONGEST_LEASE))
        return grant


@lru_cache(maxsize=64)
def _lease_lengths(contact_within_s: float) -> tuple[int, int]:
    """Return the sufficient part of a lease and its whole length, in microseconds. Cached: only few paces occur."""
    full_s = lease_s(contact_within_s)
    return micros(enough_s(full_s)), micros(full_s)


@dataclass(frozen=True, slots=True)
class CacheSnapshot:
    """The cache at one moment. A transaction takes a snapshot at its start and keeps it."""

    standings: dict[str, CachedStanding]
    revision: int
    """The change up to which the cache is current."""
    stamp: int | None
    """When that change was made. In a log that went back and grew again, as of a replica, this time would differ."""
    log_id: str = ""
    """The log that it is of: a restored backup may lack leases and observations, which are no changes."""


class StandingCache:
    def __init__(self, *, max_standings: int = _MAX_STANDINGS) -> None:
        self.snapshot = CacheSnapshot({}, 0, None)
        self._max_standings = max_standings
        self._clock_offset = 0
        """Microseconds by which the database's clock is ahead of this process's monotonic clock."""

    def seems_to_change(self, contacts: Iterable[Contact]) -> bool:
        """Return whether a contact probably has to be written: a hint that saves a read."""
        grants, get = LeaseGrants(self.now()), self.snapshot.standings.get
        for report, contact_within_s in contacts:
            standing, grant = get(report.vim_id), grants[contact_within_s]
            if standing is None or standing.is_unchanged_by(report, grant):
                continue
            if standing.needs_write(judge(standing, report), grant):
                return True
        return False

    def now(self) -> int:
        """Return the estimated time of the database's clock, in microseconds."""
        return self._clock_offset + time.monotonic_ns() // 1000

    def absorb(
        self,
        log_position: LogPosition,
        standings: Mapping[str, CachedStanding],
        lease_ends: Mapping[str, int] = MappingProxyType({}),
    ) -> None:
        """Add the results of a transaction to the cache. Call this in the loop's thread."""
        snapshot, ahead = self.snapshot, log_position.now - time.monotonic_ns() // 1000
        clock_was_set_back, self._clock_offset = ahead < self._clock_offset - _SET_BACK, ahead
        if log_position.snapshot.standings is not snapshot.standings:
            # The cache was dropped while the transaction ran.
            self.forget(standings)
            return
        if log_position.changed_vims is None or clock_was_set_back:
            # A new dictionary: transactions that started with the old state must not add to this one.
            snapshot = CacheSnapshot({}, 0, None)
        else:
            self.forget(log_position.changed_vims)
            if snapshot.revision > log_position.newest:
                # A later transaction was absorbed already, and its changes may concern these VIMs.
                self.forget(standings)
                return
        for vim_id, standing in standings.items():
            # Without an action it is of a VIM whose views are judged instead, and these are not cached.
            if standing.holds and standing.has_reported and standing.action_id:
                snapshot.standings[vim_id] = standing
            else:
                snapshot.standings.pop(vim_id, None)
        for vim_id, until in lease_ends.items():
            if (cached := snapshot.standings.get(vim_id)) is not None:
                cached.lease_until = until
        for vim_id in list(islice(snapshot.standings, max(0, len(snapshot.standings) - self._max_standings))):
            del snapshot.standings[vim_id]
        # Last: a transaction that starts before this line still reads the changes since the previous revision.
        self.snapshot = CacheSnapshot(snapshot.standings, log_position.newest, log_position.stamp, log_position.log_id)

    def forget(self, vim_ids: Iterable[str]) -> None:
        for vim_id in vim_ids:
            self.snapshot.standings.pop(vim_id, None)


@dataclass(frozen=True, slots=True)
class LogPosition:
    """The committed state that a transaction found when it started."""

    snapshot: CacheSnapshot
    newest: int
    stamp: int | None
    """When the newest change was made."""
    now: int
    changed_vims: AbstractSet[str] | None
    """The VIMs of the changes since `snapshot`, possibly also of changes after `newest`; None if unknown."""
    log_id: str = ""

    @classmethod
    def read(cls, connection: Connection, snapshot: CacheSnapshot) -> LogPosition | None:
        """Read the position without locking: it may soon be outdated.

        Return None if the server is read-only: it replicates another one, and its data may be outdated already.
        """
        [[newest, stamp, now, read_only, log_id]] = _HEAD.rows(connection, {})
        return None if read_only else cls._compare(connection, snapshot, newest, stamp, now, log_id)

    @classmethod
    def begin(cls, changes: Changes, snapshot: CacheSnapshot) -> LogPosition:
        """Return the position that a transaction found, which locks out all other writers."""
        return cls._compare(changes.connection, snapshot, changes.newest, changes.stamp, changes.now, changes.log_id)

    @classmethod
    def _compare(  # noqa: PLR0913, PLR0917 - each is a column
        cls, connection: Connection, snapshot: CacheSnapshot, newest: int, stamp: int | None, now: int, log_id: str
    ) -> LogPosition:
        is_other_log = log_id != snapshot.log_id
        changed_vims = None if is_other_log else _changed_since(connection, snapshot, newest, stamp)
        return cls(snapshot, newest, stamp, now, changed_vims, log_id)

    @property
    def longest_until(self) -> int:
        """No lease ends later, unless the clock was set back."""
        return self.now + _LONGEST_LEASE

    def trusted_standings(self, contacts: Iterable[Contact]) -> dict[str, CachedStanding]:
        """Return the cached standings that are as good as read for judging these contacts.

        These are left out, and have to be read:

        - standings of VIMs that were changed since;
        - standings whose lease has ended, or is longer than any lease can be;
        - standings of reports that seem to be late: their answer states the newest observation, which must be exact.
        """
        if self.changed_vims is None:
            return {}
        get, longest_until = self.snapshot.standings.get, self.longest_until
        trusted: dict[str, CachedStanding] = {}
        doubtful = set(self.changed_vims)
        for report, _ in contacts:
            standing = get(report.vim_id)
            if standing is None or not self.now <= standing.lease_until <= longest_until:
                continue
            trusted[report.vim_id] = standing
            if 0 < report.observation <= standing.observation and not standing.matches(report):
                doubtful.add(report.vim_id)
        for vim_id in doubtful:
            trusted.pop(vim_id, None)
        return trusted


def _changed_since(
    connection: Connection, snapshot: CacheSnapshot, newest: int, stamp: int | None
) -> AbstractSet[str] | None:
    if newest == snapshot.revision:
        return frozenset() if stamp == snapshot.stamp else None
    if not 0 < newest - snapshot.revision <= _MAX_CHANGES:
        return None
    first, *later_changes = _CHANGES.rows(connection, {"revision": snapshot.revision, "count": _MAX_CHANGES + 1}) or [
        (0, 0, 0)
    ]
    # The oldest changes are dropped in time, and a restored log may have reached the same revision by other changes.
    same = tuple(first[1:]) == (snapshot.revision, snapshot.stamp)
    complete = sum(change <= newest for _, change, _ in later_changes) == newest - snapshot.revision
    return {vim_id for vim_id, *_ in later_changes} if same and complete else None
