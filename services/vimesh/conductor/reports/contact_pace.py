"""Sets how often ping actions are asked to report: often, but within the contact budget of the fleet."""

from __future__ import annotations

import asyncio
from typing import Never

import structlog

from vimesh.domain.errors import VimeshError
from vimesh.domain.leases import LONGEST_CONTACT_WITHIN_S, contact_within_s
from vimesh.domain.vim_store import VimStore

_log = structlog.get_logger()

_COUNT_EVERY_S = 10.0
_RETRY_S = 1.0


class ContactPace:
    """Counts the VIMs at intervals. Conductors need not agree: each grants leases for the pace that it answers."""

    def __init__(self, store: VimStore, *, floor_s: float, budget_per_s: float) -> None:
        self._store = store
        self._floor_s = floor_s
        self._budget_per_s = budget_per_s
        self._vims: int | None = None

    @property
    def contact_within_s(self) -> float:
        """The pace for the last count. Before the first count it is the slowest, as the number of VIMs is unknown."""
        if self._vims is None:
            return LONGEST_CONTACT_WITHIN_S
        return contact_within_s(self._vims, floor_s=self._floor_s, budget_per_s=self._budget_per_s)

    @property
    def vims(self) -> int:
        """The last count of VIMs; 0 before the first one."""
        return self._vims or 0

    async def run(self) -> Never:
        """Count at intervals. Runs until cancelled."""
        while True:
            counted = await self.count()
            await asyncio.sleep(_COUNT_EVERY_S if counted else _RETRY_S)

    async def count(self) -> bool:
        """Count once, and return whether that succeeded; keep the last count if the database is unavailable."""
        try:
            self._vims = await self._store.count_vims()
        except VimeshError as error:
            _log.debug("cannot count the VIMs", error=str(error), cause=repr(error.__cause__))
            return False
        return True
