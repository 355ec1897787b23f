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
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, select

from vimesh.domain.leases import LONGEST_LEASE_S, enough_s
from vimesh.domain.vims import BadAction, Outcome, Recorded, Report, Standing, judge
from vimesh.store.group import Contact
from vimesh.store.prepared import Prepared
from vimesh.store.tables import events
from vimesh.store.times import micros

_MOST_CHANGES = 10_000
_MOST_HELD = 200_000
_CHANGES = Prepared(
    select(events.c.vim_id, events.c.revision)
    .where(events.c.revision > bindparam("revision"))
    .order_by(events.c.revision)
    .limit(bindparam("count"))
)


@dataclass(slots=True, kw_only=True)
class Held(Standing):
    """What is on record of a VIM, as far as reports change it, and its lease.

    Transactions in other threads look at it: it is replaced, not changed, but for a lease that grows.
    """

    number: int
    engine: str
    status_time: int
    heard: bool
    lease_until: int

    def due(self, grant: Grant) -> bool:
        """Say whether the lease must be renewed though nothing else is to be written."""
        return not (self.heard and grant.least <= self.lease_until <= grant.longest)

    def says(self, report: Report) -> bool:
        """Say whether this very report is on record."""
        same = self.status is report.status and self.reason == report.reason
        return same and self.observation == report.observation

    def moved_by(self, outcome: Outcome, grant: Grant) -> bool:
        """Say whether a report that was judged so has to be written."""
        if isinstance(outcome, BadAction):
            return False
        return isinstance(outcome, Recorded) or self.due(grant)


class Grant(NamedTuple):
    """What a contact is granted."""

    least: int
    """A lease that ends no earlier is long enough."""
    until: int
    longest: int
    """No lease ends later, unless the clock was set back."""


class Grants(dict[float, Grant]):
    """What contacts are granted at some time, by the length of the lease in seconds."""

    def __init__(self, now: int) -> None:
        super().__init__()
        self._now = now

    def __missing__(self, lease_s: float) -> Grant:
        until, longest = self._now + micros(lease_s), self._now + micros(LONGEST_LEASE_S)
        grant = self[lease_s] = Grant(self._now + micros(enough_s(lease_s)), until, max(until, longest))
        return grant


class Known:
    def __init__(self, *, most: int = _MOST_HELD) -> None:
        self.revision = 0
        """Everything is as it was left by this change."""
        self._held: dict[str, Held] = {}
        self._most = most
        self._ahead = 0
        """By how many microseconds the database's clock is ahead of this process's."""

    def moves(self, contacts: Iterable[Contact]) -> bool:
        """Say whether something will have to be written, as it seems: a hint that saves a read."""
        grants = Grants(self._ahead + time.monotonic_ns() // 1000)
        for report, lease_s in contacts:
            held = self._held.get(report.vim_id)
            if held is not None and held.moved_by(judge(held, report), grants[lease_s]):
                return True
        return False

    def of(self, contacts: Iterable[Contact], changed: Collection[str] | None, now: int) -> dict[str, Held]:
        """Return what is as good as read for judging these contacts, given what changed since `revision`.

        That of a lease that has ended is not, nor of one that is too long to be true, nor for who seems to be late:
        it is told which observation is the newest.
        """
        if changed is None:
            return {}
        get, longest = self._held.get, now + micros(LONGEST_LEASE_S)
        found: dict[str, Held] = {}
        doubtful = set(changed)
        for report, _ in contacts:
            held = get(report.vim_id)
            if held is None or not now <= held.lease_until <= longest:
                continue
            found[report.vim_id] = held
            if 0 < report.observation <= held.observation and not held.says(report):
                doubtful.add(report.vim_id)
        for vim_id in doubtful:
            found.pop(vim_id, None)
        return found

    def take_in(
        self,
        changed: Collection[str] | None,
        newest: int,
        now: int,
        held: Mapping[str, Held],
        renewed: Mapping[str, int] = MappingProxyType({}),
    ) -> None:
        """Take in what a transaction found and left, when `newest` was the newest revision, and `now` the time.

        Between `revision`, as it was, and `newest` the VIMs of `changed` were changed by others; None: perhaps all.
        """
        self._ahead = now - time.monotonic_ns() // 1000
        if changed is None:
            self._held.clear()
            self.revision = 0
        else:
            self.forget(changed)
        if self.revision > newest:
            # More is known meanwhile, and may be of these.
            self.forget(held)
            return
        if len(self._held) + len(held) > self._most:
            self._held.clear()
        for vim_id, one in held.items():
            if one.holds and one.heard:
                self._held[vim_id] = one
            else:
                self._held.pop(vim_id, None)
        for vim_id, until in renewed.items():
            if (goes_on := self._held.get(vim_id)) is not None:
                goes_on.lease_until = until
        # Last: whoever looks meanwhile still asks what changed since the revision before.
        self.revision = newest

    def forget(self, vim_ids: Iterable[str]) -> None:
        for vim_id in vim_ids:
            self._held.pop(vim_id, None)


def changed_since(connection: Connection, revision: int, newest: int) -> Collection[str] | None:
    """Return of which VIMs the changes after a revision are, up to `newest` and perhaps later; None: cannot be told."""
    if revision == newest:
        return ()
    if not 0 < newest - revision <= _MOST_CHANGES:
        return None
    found = _CHANGES.rows(connection, {"revision": revision, "count": _MOST_CHANGES})
    # The oldest are dropped at some time.
    complete = sum(change <= newest for _, change in found) == newest - revision
    return {vim_id for vim_id, _ in found} if complete else None
