"""The part of the actions that a monitor has while its stream is open: what it gains, keeps for a while, and loses."""

from __future__ import annotations

import math
import uuid
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from vimesh.conductor.pool.pool_upkeep import PoolLimits, PoolUpkeep
from vimesh.domain.pool.assignment import Assignment
from vimesh.domain.pool.pool_members import PoolPlace
from vimesh.domain.pool.pool_store import PoolStore

_BEGUN_PER_S: Final = 5_000
"""A monitor begins twice as many actions a second, after it was sent all of them."""


@dataclass(slots=True)
class _Former:
    """A division by which the monitor may still have VIMs that it has lost since."""

    assignment: Assignment
    lost_at: float
    release_at: float


class PoolShare:
    """Changes hands in two steps: what is gained at once, what is lost when its new owner has had time to begin."""

    def __init__(
        self,
        monitor_id: str,
        current: Callable[[], Assignment],
        clock: Callable[[], float],
        release_after_s: float,
    ) -> None:
        """`current` returns how the VIMs are divided now."""
        self._monitor_id = monitor_id
        self._current = current
        self._clock = clock
        self._release_after_s = release_after_s
        self._assignment = current()
        self._former: dict[str, _Former] = {}
        """By version: monitors that come and go may bring the same division back again and again."""
        self.has_ended_in_order = False
        """Whether the conductor has ended the stream."""

    @property
    def version(self) -> str:
        return self._assignment.version

    @property
    def is_settled(self) -> bool:
        """Whether the monitor has its own VIMs and no others, and so may resume its watch from here."""
        return not self._former

    @property
    def is_whole(self) -> bool:
        """Whether it has all VIMs."""
        return [each.monitor_id for each in self._assignment.members] == [self._monitor_id]

    def owns(self, vim_id: str) -> bool:
        return self._assignment.owner_of(vim_id) == self._monitor_id

    def may_run(self, vim_id: str) -> bool:
        """Return whether it owns the VIM, or has lost it and may not have been told yet."""
        return self.owns(vim_id) or self._has_owned(vim_id, self._former.values())

    def _has_owned(self, vim_id: str, by: Iterable[_Former]) -> bool:
        return any(former.assignment.owner_of(vim_id) == self._monitor_id for former in by)

    def has_changed(self) -> bool:
        """Return whether the VIMs are divided anew. With no monitors at all, each goes on with what it has."""
        current = self._current()
        return current.version != self._assignment.version and bool(current.members)

    def may_release(self) -> bool:
        """Return whether it is time to tell the monitor what it has lost by some of the changes."""
        return bool(self._due())

    def _due(self) -> list[str]:
        now = self._clock()
        return [version for version, former in self._former.items() if now >= former.release_at]

    def is_due(self) -> bool:
        return self.has_changed() or self.may_release()

    def due_in_s(self) -> float:
        """Return in how many seconds something is due at the latest, unless the VIMs are divided anew before."""
        first = min((former.release_at for former in self._former.values()), default=math.inf)
        return max(0.0, first - self._clock())

    def move(self) -> Callable[[str], bool]:
        """Take over the new division; return what says whether the monitor gains a VIM by it."""
        before, now = self._assignment, self._clock()
        self._former[before.version] = _Former(before, now, now + self._release_after_s)
        self._assignment = self._current()
        self._former.pop(self._assignment.version, None)
        return lambda vim_id: self.owns(vim_id) and before.owner_of(vim_id) != self._monitor_id

    def release(self) -> Release:
        """Return what the monitor is to be told now that it has lost."""
        due = self._due()
        by_due = [self._former[version] for version in due]
        others = [former for version, former in self._former.items() if version not in due]

        def has_lost(vim_id: str) -> bool:
            return self._has_owned(vim_id, by_due) and not self._has_owned(vim_id, others) and not self.owns(vim_id)

        return Release(due, has_lost)

    def postpone(self, release: Release, count: int) -> bool:
        """Return whether so many VIMs are lost that their new owners need longer to begin; then they are due later."""
        needed_s = self._release_after_s + count / _BEGUN_PER_S
        later = {version: self._former[version].lost_at + needed_s for version in release.versions}
        if max(later.values()) <= self._clock():
            return False
        for version, release_at in later.items():
            self._former[version].release_at = release_at
        return True

    def settle(self, release: Release) -> None:
        """Note that the monitor was told what it has lost."""
        for version in release.versions:
            del self._former[version]


@dataclass(frozen=True, slots=True)
class Release:
    """What a monitor is told at one time that it has lost."""

    versions: Sequence[str]
    """Of the divisions by which it had it."""
    has_lost: Callable[[str], bool]


class Pool:
    """The pool, as the streams of monitors use it."""

    def __init__(self, store: PoolStore, upkeep: PoolUpkeep, limits: PoolLimits, clock: Callable[[], float]) -> None:
        self._store = store
        self._limits = limits
        self._upkeep = upkeep
        self._clock = clock
        self._open: dict[str, str] = {}
        """The vantages of the watches that are open, by the watches' ids."""

    @asynccontextmanager
    async def watching(self, monitor_id: str, place: PoolPlace, identity: str) -> AsyncGenerator[PoolShare]:
        """Take a monitor in, for the time of the block. Raises TooManyMonitors, PermissionDenied, StoreUnavailable."""
        watch_id = str(uuid.uuid4())
        await self._store.join(monitor_id, place, identity, watch_id)
        await self._upkeep.refresh()
        share = PoolShare(
            monitor_id,
            lambda: self._upkeep.assignment(place.vantage),
            self._clock,
            self._limits.release_after_s,
        )
        self._open[watch_id] = place.vantage
        try:
            yield share
        finally:
            del self._open[watch_id]
            if not share.has_ended_in_order:
                self._upkeep.note_lost_watch(monitor_id, watch_id)
                if place.vantage not in self._open.values():
                    self._upkeep.hold_off(place.vantage)
