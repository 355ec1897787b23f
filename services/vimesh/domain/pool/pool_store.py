"""Defines, as a protocol, what the services require of the store of the pool."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from typing import Protocol

from vimesh.domain.actions import ActionScope
from vimesh.domain.pool.pool_members import PoolMonitor, PoolPlace, PoolView


class PoolStore(Protocol):
    """Its methods raise StoreUnavailable and Overloaded, as those of VimStore.

    A monitor is a member from its first watch until it withdraws as a process, or until its lease has ended and a
    conductor has put that on record: who is a member depends on no clock, so all conductors agree.
    """

    async def join(self, monitor_id: str, place: PoolPlace, identity: str, watch_id: str) -> None:
        """Take in a monitor that watches, or renew its lease. `watch_id`: what tells this watch from its next one.

        Raises TooManyMonitors, and PermissionDenied if another identity has a monitor of the same id.
        """

    async def note_lost_watch(self, monitor_id: str, watch_id: str) -> None:
        """Shorten the lease of a monitor whose watch broke, unless it has opened another one since."""

    async def view(self) -> PoolView:
        """Return who is in the pool. Cheap enough to call each second."""

    async def remove_lapsed(self, until: dt.datetime, vantages: Collection[str]) -> int:
        """Remove the monitors of some vantages whose leases had ended at that time, by the database's clock.

        Returns how many.

        With the time of a view, those that lived then stay, whatever has ended since.
        """

    async def list_monitors(self) -> Sequence[PoolMonitor]:
        """Return all monitors of the pool, by vantage, host and id."""

    async def drain(self, monitor_id: str, *, draining: bool) -> PoolMonitor:
        """Say whether a monitor leaves its VIMs to the others. Raises MonitorNotFound."""

    async def wanted_after(self, scope: ActionScope, vim_id: str, limit: int) -> Sequence[tuple[str, str]]:
        """Return (vim_id, action_id) of wanted actions, in the order of their VIMs' ids."""
