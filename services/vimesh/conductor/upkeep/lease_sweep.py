"""Sweeps leases: records those that have ended, and replaces silent actions. Every conductor does it (G6, G7, G8)."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Never

import structlog

from vimesh.conductor.reports.contact_pace import ContactPace
from vimesh.conductor.upkeep.replacement_holdoff import ReplacementHoldoff
from vimesh.conductor.watches.event_feed import EventFeed
from vimesh.domain.errors import BadSetting, VimeshError
from vimesh.domain.leases import lease_s
from vimesh.domain.vim_store import VimStore
from vimesh.runtime.outage_log import OutageLog

_log = structlog.get_logger()

_BATCH_SIZE = 1000
"""Maximum number of lapses recorded in one transaction, so that reports get in between."""
_PAUSE_FACTOR = 3
"""Length of the pause after such a transaction, as a multiple of its duration: it leaves room for reports."""
_RECORDING_S = 2.0
_SWEEPS_PER_LEASE = 60
"""Number of sweeps within one lease while no action is silent; otherwise there is one each period."""


@dataclass(frozen=True, slots=True)
class SweepLimits:
    replacements: int = 200
    """Maximum number of actions to replace at once; 0: this conductor replaces none."""
    period_s: float = 1.0
    """The shortest time between two sweeps; up to half of it is added at random, so that conductors take turns."""

    def __post_init__(self) -> None:
        if self.replacements < 0:
            raise BadSetting("replacements", "must not be below 0")


@dataclass(slots=True)
class SweepStatistics:
    good: int = 0
    failed: int = 0
    lapsed: int = 0
    replaced: int = 0
    good_at: float = field(default_factory=time.monotonic)
    """When the last good sweep ended, by `time.monotonic`; before the first one, when the conductor began."""


class LeaseSweep:
    def __init__(
        self,
        store: VimStore,
        feed: EventFeed,
        pace: ContactPace,
        limits: SweepLimits,
        *,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._store = store
        self._feed = feed
        self._pace = pace
        self._limits = limits
        self._jitter = jitter
        self.statistics = SweepStatistics()
        self._holdoff = ReplacementHoldoff()
        self._outage_log = OutageLog(
            "the view of the leases", "lease sweep", meanwhile="silent actions are not looked for"
        )
        self._idle_until = 0.0

    async def run(self) -> Never:
        """Look for silent actions at intervals. Runs until cancelled."""
        while True:
            await asyncio.sleep(self._limits.period_s * (1 + self._jitter() / 2))
            await self._sweep_once()

    async def _sweep_once(self) -> None:
        try:
            await self._sweep_if_due()
        except VimeshError as error:
            self.statistics.failed += 1
            self._holdoff.reset()
            self._outage_log.note_failure(f"{error} ({error.__cause__!r})")
        else:
            self.statistics.good += 1
            self.statistics.good_at = time.monotonic()
            self._outage_log.note_success()

    async def _sweep_if_due(self) -> None:
        # A live action reports within one lease once this conductor serves. Only after that is silence its fault.
        lease_length_s = lease_s(self._pace.contact_within_s)
        holdoff_is_over = self._holdoff.is_over(await self._store.clock(), lease_length_s)
        if time.monotonic() < self._idle_until:
            return
        # Expired statuses already read UNKNOWN, whatever caused the silence, so record them during a holdoff too.
        count = await self._record_lapses()
        if holdoff_is_over and self._limits.replacements:
            count += await self._replace()
        if not count:
            # A sweep reads all leases: the longer they are, the less often it is needed.
            self._idle_until = time.monotonic() + lease_length_s / _SWEEPS_PER_LEASE

    async def _record_lapses(self) -> int:
        total, lapsed = 0, _BATCH_SIZE
        # The rest waits for the next sweep: a longer gap would look to the holdoff as if this conductor had stopped.
        until = time.monotonic() + _RECORDING_S
        while lapsed == _BATCH_SIZE and (started_at := time.monotonic()) < until:
            lapsed = await self._store.record_lapses(_BATCH_SIZE)
            total += lapsed
            self.statistics.lapsed += lapsed
            if lapsed:
                self._feed.poke()
            if lapsed == _BATCH_SIZE:
                # After an outage longer than a lease all actions are silent, and the reports that end that arrive now.
                await asyncio.sleep(_PAUSE_FACTOR * (time.monotonic() - started_at))
        if total:
            _log.info("actions fell silent", count=total)
        return total

    async def _replace(self) -> int:
        if replaced := await self._store.replace_silent(self._limits.replacements):
            self._feed.poke()
            self.statistics.replaced += replaced
            _log.info("replaced silent actions", count=replaced)
        return replaced
