"""The part of the actions that a monitor has while its stream is open: what it gains, keeps for a while, and loses."""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

from vimesh.conductor.pool.pool_upkeep import PoolLimits, PoolUpkeep
from vimesh.domain.pool.assignment import Assignment
from vimesh.domain.pool.pool_members import PoolPlace
from vimesh.domain.pool.pool_store import PoolStore


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
        self._former: list[Assignment] = []
        """Those by which it may still have VIMs that it has lost."""
        self._release_at = 0.0
        self.has_ended_in_order = False
        """Whether the conductor has ended the stream."""

    @property
    def version(self) -> str:
        return self._assignment.version

    @property
    def is_whole(self) -> bool:
        """Whether it has all VIMs."""
        return [each.monitor_id for each in self._assignment.members] == [self._monitor_id]

    def owns(self, vim_id: str) -> bool:
        return self._assignment.owner_of(vim_id) == self._monitor_id

    def may_run(self, vim_id: str) -> bool:
        """Return whether it owns the VIM, or has lost it and may not have been told yet."""
        return self.owns(vim_id) or self._has_owned(vim_id)

    def has_lost(self, vim_id: str) -> bool:
        """Return whether it has lost the VIM since it was told last."""
        return self._has_owned(vim_id) and not self.owns(vim_id)

    def _has_owned(self, vim_id: str) -> bool:
        return any(former.owner_of(vim_id) == self._monitor_id for former in self._former)

    def has_changed(self) -> bool:
        """Return whether the VIMs are divided anew. With no monitors at all, each goes on with what it has."""
        current = self._current()
        return current.version != self._assignment.version and bool(current.members)

    def may_release(self) -> bool:
        """Return whether it is time to tell the monitor what it has lost."""
        return bool(self._former) and self._clock() >= self._release_at

    def is_due(self) -> bool:
        return self.has_changed() or self.may_release()

    def due_in_s(self) -> float:
        """Return in how many seconds something is due at the latest, unless the VIMs are divided anew before."""
        return max(0.0, self._release_at - self._clock()) if self._former else float("inf")

    def move(self) -> Callable[[str], bool]:
        """Take over the new division; return what says whether the monitor gains a VIM by it."""
        before = self._assignment
        self._former.append(before)
        self._assignment = self._current()
        self._release_at = self._clock() + self._release_after_s
        return lambda vim_id: self.owns(vim_id) and before.owner_of(vim_id) != self._monitor_id

    def settle(self) -> None:
        """Note that the monitor was told what it has lost."""
        self._former = []


class Pool:
    """The pool, as the streams of monitors use it."""

    def __init__(self, store: PoolStore, upkeep: PoolUpkeep, limits: PoolLimits, clock: Callable[[], float]) -> None:
        self._store = store
        self._limits = limits
        self._upkeep = upkeep
        self._clock = clock

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
        try:
            yield share
        finally:
            if not share.has_ended_in_order:
                self._upkeep.note_lost_watch(monitor_id, watch_id)
