"""Follows who is in the pool, and removes monitors whose leases have ended. Every conductor does it (G17)."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Never

import structlog

from vimesh.conductor.upkeep.replacement_holdoff import ReplacementHoldoff
from vimesh.conductor.watches.event_feed import EventFeed
from vimesh.domain.errors import VimeshError
from vimesh.domain.pool.assignment import NOBODY, Assignment, versions_of
from vimesh.domain.pool.pool_members import RELEASE_AFTER_S, RETURN_S, PoolView
from vimesh.domain.pool.pool_store import PoolStore
from vimesh.runtime.outage_log import OutageLog

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class PoolLimits:
    period_s: float = 1.0
    """How often a conductor looks who is there."""
    return_s: float = RETURN_S
    """For how long monitors must have been able to return before the VIMs of one that did not are given away."""
    release_after_s: float = RELEASE_AFTER_S
    """How long a monitor keeps VIMs that it has lost: for at least twice the period, so that nobody stops too soon."""


class PoolUpkeep:
    """Knows how the VIMs of each vantage are divided, as the database said last."""

    def __init__(self, store: PoolStore, feed: EventFeed, limits: PoolLimits) -> None:
        """The streams of `feed` are woken when the division changes."""
        self._store = store
        self._feed = feed
        self._limits = limits
        self.assignments: Mapping[str, Assignment] = {}
        """How the VIMs of each vantage are divided. It is replaced, and never changed."""
        self._identities: Mapping[str, str] = {}
        self._vantages: Mapping[str, str] = {}
        """Of each monitor, also of those that drain."""
        self.conductors = 0
        """How many conductors there are, this one included."""
        self._lost_watches: list[tuple[str, str]] = []
        self._poke = asyncio.Event()
        self._turn = asyncio.Lock()
        self._holdoffs: dict[str, ReplacementHoldoff] = {}
        """Of each vantage in which a monitor lives. Those of another vantage could not take over."""
        self._outage_log = OutageLog("the view of the pool", "pool", meanwhile="monitors keep their VIMs")
        self.changes = 0
        """How often the division has changed."""
        self.removed = 0
        """The monitors that this conductor has removed because their leases had ended."""

    @property
    def sizes(self) -> Mapping[str, int]:
        """The number of monitors that get VIMs, by vantage."""
        return {vantage: len(assignment.members) for vantage, assignment in self.assignments.items()}

    def assignment(self, vantage: str) -> Assignment:
        """Return how the VIMs of a vantage are divided."""
        return self.assignments.get(vantage, NOBODY)

    def vantage_of(self, monitor_id: str) -> str | None:
        """Return from where a monitor probes; None: it is not in the pool."""
        return self._vantages.get(monitor_id)

    def belongs_to(self, monitor_id: str, identity: str) -> bool:
        """Return whether a monitor of the pool is that of an identity."""
        return self._identities.get(monitor_id) == identity

    def poke(self) -> None:
        """Look soon, because somebody has come or gone."""
        self._poke.set()

    def note_lost_watch(self, monitor_id: str, watch_id: str) -> None:
        """Shorten the lease of a monitor whose watch broke, soon. May be called while a call is being cancelled."""
        self._lost_watches.append((monitor_id, watch_id))
        self._poke.set()

    async def run(self) -> Never:
        """Look about once a second. Runs until cancelled."""
        while True:
            try:
                async with asyncio.timeout(self._limits.period_s):
                    await self._poke.wait()
            except TimeoutError:
                pass
            self._poke.clear()
            await self.look()

    async def look(self) -> None:
        """Look once. What fails is logged: then all stays as it is."""
        try:
            await self._shorten_leases()
            seen, vantages = await self.refresh()
            if vantages:
                self.removed += (removed := await self._store.remove_lapsed(seen, vantages))
                _log.info("monitors are gone: the others take over", count=removed)
                await self.refresh()
        except VimeshError as error:
            self._holdoffs.clear()
            self._outage_log.note_failure(f"{error} ({error.__cause__!r})")
        else:
            self._outage_log.note_success()

    async def _shorten_leases(self) -> None:
        while self._lost_watches:
            await self._store.note_lost_watch(*self._lost_watches[0])
            del self._lost_watches[0]

    def hold_off(self, vantage: str) -> None:
        """Note that no monitor of a vantage has a watch here any more.

        It may be us, the front, or the way to it, that all of them have lost.
        """
        self._holdoffs.pop(vantage, None)

    async def refresh(self) -> tuple[dt.datetime, AbstractSet[str]]:
        """Read who is in the pool; return when, and the vantages in which some are to be removed.

        Raises StoreUnavailable, Overloaded.
        """
        async with self._turn:  # an older view must not come after a newer one
            return self._apply(await self._store.view())

    def _apply(self, view: PoolView) -> tuple[dt.datetime, AbstractSet[str]]:
        self.conductors, self._identities = view.conductors, view.identities
        self._vantages = {each.monitor_id: vantage for vantage, members in view.members.items() for each in members}
        assignments = {vantage: Assignment(members) for vantage, members in view.members.items()}
        if versions_of(assignments) != versions_of(self.assignments):
            self.assignments = assignments
            self.changes += 1
            self._feed.wake_watchers()
            _log.info("the VIMs are divided anew", monitors=dict(self.sizes))
        # In a vantage where nobody lives, nobody could take over. After an outage, those that live come back one after
        # the other: its time begins with the first one.
        self._holdoffs = {vantage: self._holdoffs.get(vantage) or ReplacementHoldoff() for vantage in view.living}
        return_s = self._limits.return_s
        over = {vantage for vantage, each in self._holdoffs.items() if each.is_over(view.time, return_s)}
        return view.time, view.lapsed & over
