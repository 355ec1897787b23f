"""What this process knows of standings, so that most reports are judged without reading them.

A standing that was read at some revision is still what is committed if no change since then is of its VIM. So a
transaction asks for the newest revision, and for the VIMs of the changes since the one up to which everything is known;
what it knows of the others is as good as read.

Two things change without a revision, when another conductor writes them. A lease only ever grows, unless it is too long
to be true, so at worst one is renewed too early. And another observation of the same status may be on record: who
writes an observation says which one it believes in (see `reports`), and whoever only makes contact is told the status,
which is right.

All is changed in the loop's thread only; transactions look at it from theirs.
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
"""Microseconds by which the database's clock may seem to lose, because this process was slow to look."""
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
    """What is on record of a VIM, as far as reports change it, and its lease.

    Transactions in other threads look at it: it is replaced, not changed, but for a lease that grows, and for `said`,
    which is nothing to them.
    """

    number: int
    engine: str
    status_time: int
    heard: bool
    lease_until: int

    def due(self, grant: LeaseGrant) -> bool:
        """Say whether the lease must be renewed though nothing else is to be written."""
        return not (self.heard and grant.least <= self.lease_until <= grant.longest)

    def stays(self, report: Report, grant: LeaseGrant) -> bool:
        """Say whether a report plainly leaves everything as it is. Most do, and need no more judging."""
        return self.holds and self.says(report) and not self.due(grant)

    def moved_by(self, outcome: Outcome, grant: LeaseGrant) -> bool:
        """Say whether a report that was judged so has to be written."""
        if isinstance(outcome, BadAction):
            return False
        return isinstance(outcome, Recorded) or self.due(grant)


HeldRepeat = tuple[str, CachedStanding, float]
"""A Repeat of what is held here."""


class LeaseGrant(NamedTuple):
    """What a contact is granted."""

    least: int
    """A lease that ends no earlier is long enough."""
    until: int
    longest: int
    """No lease ends later, unless the clock was set back."""


class LeaseGrants(dict[float, LeaseGrant]):
    """What contacts are granted at some time, by the seconds within which the action is asked to be back."""

    def __init__(self, now: int) -> None:
        super().__init__()
        self._now = now

    def __missing__(self, contact_within_s: float) -> LeaseGrant:
        now, (enough, whole) = self._now, _spans(contact_within_s)
        grant = self[contact_within_s] = LeaseGrant(now + enough, now + whole, now + max(whole, _LONGEST))
        return grant


@lru_cache(maxsize=64)
def _spans(contact_within_s: float) -> tuple[int, int]:
    """Return how much of a lease is enough, and all of it, in microseconds. Each call asks, at few paces."""
    whole_s = lease_s(contact_within_s)
    return micros(enough_s(whole_s)), micros(whole_s)


@dataclass(frozen=True, slots=True)
class CacheSnapshot:
    """What is known at some moment. A transaction takes one at its begin, and goes on with it."""

    held: dict[str, CachedStanding]
    revision: int
    """Everything is as it was left by this change."""
    stamp: int | None
    """When that change was made: of another log, as after a restored backup, it would be another one."""


class StandingCache:
    def __init__(self, *, most: int = _MOST_HELD) -> None:
        self.state = CacheSnapshot({}, 0, None)
        self._most = most
        self._ahead = 0
        """By how many microseconds the database's clock is ahead of this process's."""

    def moves(self, contacts: Iterable[Contact]) -> bool:
        """Say whether something will have to be written, as it seems: a hint that saves a read."""
        grants, get = LeaseGrants(self.now()), self.state.held.get
        for report, contact_within_s in contacts:
            held, grant = get(report.vim_id), grants[contact_within_s]
            if held is None or held.stays(report, grant):
                continue
            if held.moved_by(judge(held, report), grant):
                return True
        return False

    def now(self) -> int:
        """Return the time by the database's clock, as it seems."""
        return self._ahead + time.monotonic_ns() // 1000

    def take_in(
        self, found: LogPosition, held: Mapping[str, CachedStanding], renewed: Mapping[str, int] = MappingProxyType({})
    ) -> None:
        """Take in what a transaction has found, read and left. To be called in the loop's thread."""
        state, ahead = self.state, found.now - time.monotonic_ns() // 1000
        was_set_back, self._ahead = ahead < self._ahead - _SET_BACK, ahead
        if found.state.held is not state.held:
            # All was given up meanwhile.
            self.forget(held)
            return
        if found.changed is None or was_set_back:
            # Whoever still has the state of before brings nothing into this one.
            state = CacheSnapshot({}, 0, None)
        else:
            self.forget(found.changed)
            if state.revision > found.newest:
                # More is known meanwhile, and may be of these.
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
        # Last: whoever begins meanwhile still asks what changed since the revision before.
        self.state = CacheSnapshot(state.held, found.newest, found.stamp)

    def forget(self, vim_ids: Iterable[str]) -> None:
        for vim_id in vim_ids:
            self.state.held.pop(vim_id, None)


@dataclass(frozen=True, slots=True)
class LogPosition:
    """What a transaction found committed when it began."""

    state: CacheSnapshot
    newest: int
    stamp: int | None
    """When the newest change was made."""
    now: int
    changed: AbstractSet[str] | None
    """The VIMs of the changes since `state`, perhaps also of later ones; None: nobody can tell."""

    @classmethod
    def read(cls, connection: Connection, state: CacheSnapshot) -> LogPosition | None:
        """Find that out without holding off anybody: it may be outdated soon.

        None: the server takes no writes. It follows another one, and what it holds may be outdated already.
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
        """Return what is as good as read for judging these contacts.

        That of a lease that has ended is not, nor of one that is too long to be true, nor for who seems to be late:
        it is told which observation is the newest.
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
    # The oldest are dropped at some time. And a restored log may have come as far again by other changes.
    same = tuple(first[1:]) == (state.revision, state.stamp)
    complete = sum(change <= newest for _, change, _ in found) == newest - state.revision
    return {vim_id for vim_id, *_ in found} if same and complete else None
