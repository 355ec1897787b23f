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
from vimesh.store.change_log.transaction import NEWEST_STAMP
from vimesh.store.reports.group_commit import Contact
from vimesh.store.schema.tables import events, revisions
from vimesh.store.schema.timestamps import micros
from vimesh.store.sql.prepared_statements import PreparedStatement
from vimesh.store.sql.sql_functions import NowMicros, ReadOnly

_MOST_CHANGES = 10_000
_MOST_HELD = 200_000
_SET_BACK = 5_000_000
"""Microseconds by which the database's clock may seem to fall behind, because this process was slow to read it."""
_LONGEST = micros(LONGEST_LEASE_S)
_CHANGES = PreparedStatement(
    select(events.c.vim_id, events.c.revision, events.c.time)
    .where(events.c.revision >= bindparam("revision"))
    .order_by(events.c.revision)
    .limit(bindparam("count"))
)
_HEAD = PreparedStatement(select(revisions.c.newest, NEWEST_STAMP, NowMicros(), ReadOnly()))


@dataclass(slots=True, kw_only=True)
class CachedStanding(Standing):
    """The part of a VIM's record that reports change, and its lease.

    Transactions in other threads read it, so it is replaced and never modified, except the lease, which only grows, and
    `said`, which transactions ignore.
    """

    number: int
    engine: str
    status_time: int
    heard: bool
    lease_until: int

    def due(self, grant: LeaseGrant) -> bool:
        """Return whether the lease must be extended although nothing else has to be written."""
        return not (self.heard and grant.least <= self.lease_until <= grant.longest)

    def stays(self, report: Report, grant: LeaseGrant) -> bool:
        """Return whether a report plainly changes nothing, as most do. Then it needs no further judgement."""
        return self.holds and self.says(report) and not self.due(grant)

    def moved_by(self, outcome: Outcome, grant: LeaseGrant) -> bool:
        """Return whether a report with this outcome has to be written."""
        if isinstance(outcome, BadAction):
            return False
        return isinstance(outcome, Recorded) or self.due(grant)


HeldRepeat = tuple[str, CachedStanding, float]
"""A Repeat whose standing is in this cache."""


class LeaseGrant(NamedTuple):
    """The lease that a contact is granted. Times in microseconds, by the database's clock."""

    least: int
    """A lease that ends at this time or later is long enough."""
    until: int
    """The end of a lease that is extended now."""
    longest: int
    """No lease ends later, unless the clock was set back."""


class LeaseGrants(dict[float, LeaseGrant]):
    """The grants at one time, by the number of seconds within which the action is asked to report again."""

    def __init__(self, now: int) -> None:
        super().__init__()
        self._now = now

    def __missing__(self, contact_within_s: float) -> LeaseGrant:
        now, (enough, whole) = self._now, _spans(contact_within_s)
        grant = self[contact_within_s] = LeaseGrant(now + enough, now + whole, now + max(whole, _LONGEST))
        return grant


@lru_cache(maxsize=64)
def _spans(contact_within_s: float) -> tuple[int, int]:
    """Return the sufficient part of a lease and its whole length, in microseconds. Cached: only few paces occur."""
    whole_s = lease_s(contact_within_s)
    return micros(enough_s(whole_s)), micros(whole_s)


@dataclass(frozen=True, slots=True)
class CacheSnapshot:
    """The cache at one moment. A transaction takes a snapshot at its start and keeps it."""

    held: dict[str, CachedStanding]
    revision: int
    """The change up to which the cache is current."""
    stamp: int | None
    """When that change was made. In another log, such as a restored backup, this time would differ."""


class StandingCache:
    def __init__(self, *, most: int = _MOST_HELD) -> None:
        self.state = CacheSnapshot({}, 0, None)
        self._most = most
        self._ahead = 0
        """Microseconds by which the database's clock is ahead of this process's monotonic clock."""

    def moves(self, contacts: Iterable[Contact]) -> bool:
        """Return whether a contact probably has to be written: a hint that saves a read."""
        grants, get = LeaseGrants(self.now()), self.state.held.get
        for report, contact_within_s in contacts:
            held, grant = get(report.vim_id), grants[contact_within_s]
            if held is None or held.stays(report, grant):
                continue
            if held.moved_by(judge(held, report), grant):
                return True
        return False

    def now(self) -> int:
        """Return the estimated time of the database's clock, in microseconds."""
        return self._ahead + time.monotonic_ns() // 1000

    def take_in(
        self, found: LogPosition, held: Mapping[str, CachedStanding], renewed: Mapping[str, int] = MappingProxyType({})
    ) -> None:
        """Add the results of a transaction to the cache. Call this in the loop's thread."""
        state, ahead = self.state, found.now - time.monotonic_ns() // 1000
        was_set_back, self._ahead = ahead < self._ahead - _SET_BACK, ahead
        if found.state.held is not state.held:
            # The cache was dropped while the transaction ran.
            self.forget(held)
            return
        if found.changed is None or was_set_back:
            # A new dictionary: transactions that started with the old state must not add to this one.
            state = CacheSnapshot({}, 0, None)
        else:
            self.forget(found.changed)
            if state.revision > found.newest:
                # A later transaction was taken in already, and its changes may concern these VIMs.
                self.forget(held)
                return
        for vim_id, one in held.items():
            if one.holds and one.heard:
                state.held[vim_id] = one
            else:
                state.held.pop(vim_id, None)
        for vim_id, until in renewed.items():
            if (goes_on := state.held.get(vim_id)) is not None:
                goes_on.lease_until = until
        for vim_id in list(islice(state.held, max(0, len(state.held) - self._most))):
            del state.held[vim_id]
        # Last: a transaction that starts before this line still reads the changes since the previous revision.
        self.state = CacheSnapshot(state.held, found.newest, found.stamp)

    def forget(self, vim_ids: Iterable[str]) -> None:
        for vim_id in vim_ids:
            self.state.held.pop(vim_id, None)


@dataclass(frozen=True, slots=True)
class LogPosition:
    """The committed state that a transaction found when it started."""

    state: CacheSnapshot
    newest: int
    stamp: int | None
    """When the newest change was made."""
    now: int
    changed: AbstractSet[str] | None
    """The VIMs of the changes since `state`, possibly also of changes after `newest`; None if unknown."""

    @classmethod
    def read(cls, connection: Connection, state: CacheSnapshot) -> LogPosition | None:
        """Read the position without locking: it may soon be outdated.

        Return None if the server is read-only: it replicates another one, and its data may be outdated already.
        """
        [[newest, stamp, now, read_only]] = _HEAD.rows(connection, {})
        return None if read_only else cls.begin(connection, state, newest, stamp, now)

    @classmethod
    def begin(
        cls, connection: Connection, state: CacheSnapshot, newest: int, stamp: int | None, now: int
    ) -> LogPosition:
        return cls(state, newest, stamp, now, _changed_since(connection, state, newest, stamp))

    @property
    def longest(self) -> int:
        """No lease ends later, unless the clock was set back."""
        return self.now + _LONGEST

    def known(self, contacts: Iterable[Contact]) -> dict[str, CachedStanding]:
        """Return the cached standings that are as good as read for judging these contacts.

        These are left out, and have to be read:

        - standings of VIMs that were changed since;
        - standings whose lease has ended, or is longer than any lease can be;
        - standings of reports that seem to be late: their answer states the newest observation, which must be exact.
        """
        if self.changed is None:
            return {}
        get, longest = self.state.held.get, self.longest
        found: dict[str, CachedStanding] = {}
        doubtful = set(self.changed)
        for report, _ in contacts:
            held = get(report.vim_id)
            if held is None or not self.now <= held.lease_until <= longest:
                continue
            found[report.vim_id] = held
            if 0 < report.observation <= held.observation and not held.says(report):
                doubtful.add(report.vim_id)
        for vim_id in doubtful:
            found.pop(vim_id, None)
        return found


def _changed_since(
    connection: Connection, state: CacheSnapshot, newest: int, stamp: int | None
) -> AbstractSet[str] | None:
    if newest == state.revision:
        return frozenset() if stamp == state.stamp else None
    if not 0 < newest - state.revision <= _MOST_CHANGES:
        return None
    first, *found = _CHANGES.rows(connection, {"revision": state.revision, "count": _MOST_CHANGES + 1}) or [(0, 0, 0)]
    # The oldest changes are dropped in time, and a restored log may have reached the same revision by other changes.
    same = tuple(first[1:]) == (state.revision, state.stamp)
    complete = sum(change <= newest for _, change, _ in found) == newest - state.revision
    return {vim_id for vim_id, *_ in found} if same and complete else None
