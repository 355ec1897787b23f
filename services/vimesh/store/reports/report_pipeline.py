"""Records the reports of many callers: reports that change nothing do not wait for those that must be written."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Never

from vimesh.domain.leases import certain_lag_s
from vimesh.domain.vims import BadAction, Late, Outcome, Recorded, Unchanged
from vimesh.runtime.histogram import Histogram
from vimesh.store.reports.confirm_repeats import RepeatBatch, confirm, confirm_and_extend
from vimesh.store.reports.group_commit import Contact, GroupCommit
from vimesh.store.reports.judge_and_write import Overtaken, judge_and_write, judge_reports
from vimesh.store.reports.read_standings import read_standings
from vimesh.store.reports.standing_cache import CachedRepeat, StandingCache
from vimesh.store.transactions.database import Database

_GROUP = 4_000
"""Repeats per transaction: each costs little in it, and together they rewrite the same pages only once."""


class ReportPipeline:
    """Runs three queues.

    One judges reports with a shared read, one writes the reports that change something, and one confirms repeats.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._statistics = database.statistics.reports
        self.cache = StandingCache()
        self._pending_writes: dict[str, int] = {}
        """The number of reports on each VIM that wait to be written."""
        self._vims_in_write: set[str] = set()
        # Two queues write urgently, ahead of ordinary writers. If one were already in line when the other finishes,
        # they would alternate forever and starve ordinary writes.
        self._writer = asyncio.Lock()
        self._reads: GroupCommit[Contact, Outcome | None] = GroupCommit(self._read_and_judge)
        self._writes: GroupCommit[Contact, Outcome] = GroupCommit(self._write)
        self._repeats: GroupCommit[CachedRepeat, bool] = GroupCommit(self._repeat, ready_size=_GROUP, max_group=_GROUP)

    async def run(self) -> Never:
        """Serve `record_reports` and `record_repeats` until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._reads.run())
            tasks.create_task(self._writes.run())
            tasks.create_task(self._repeats.run())
        raise AssertionError("they run until cancelled")

    async def record_reports(self, contacts: Sequence[Contact]) -> list[Outcome]:
        """Return the outcomes once they are committed. Raises Overloaded, StoreUnavailable."""
        if self._has_pending_write(contacts) or self.cache.seems_to_change(contacts):
            return await self._submit_write(contacts)
        outcomes = await self._reads.submit(contacts)
        unwritten = [contact for contact, outcome in zip(contacts, outcomes, strict=True) if outcome is None]
        if not unwritten:
            return outcomes  # type: ignore[return-value]  # none of them is None
        written = iter(await self._submit_write(unwritten))
        return [next(written) if outcome is None else outcome for outcome in outcomes]

    async def record_repeats(self, repeats: Sequence[CachedRepeat]) -> bool:
        """Return whether all repeats match the record; if so, they are recorded as contacts.

        Raises Overloaded, StoreUnavailable.
        """
        return all(await self._repeats.submit(repeats))

    def _has_pending_write(self, contacts: Sequence[Contact]) -> bool:
        """Return whether a write for one of these VIMs is pending: the reports have to be judged after it."""
        if not self._pending_writes and not self._vims_in_write:
            return False
        return any(
            report.vim_id in self._vims_in_write or report.vim_id in self._pending_writes for report, _ in contacts
        )

    async def _submit_write(self, contacts: Sequence[Contact]) -> list[Outcome]:
        pending = self._pending_writes
        vim_ids = [report.vim_id for report, _ in contacts]
        for vim_id in vim_ids:
            pending[vim_id] = pending.get(vim_id, 0) + 1
        try:
            return await self._writes.submit(contacts)
        finally:
            for vim_id in vim_ids:
                if pending[vim_id] > 1:
                    pending[vim_id] -= 1
                else:
                    del pending[vim_id]

    async def _read_and_judge(self, contacts: Sequence[Contact]) -> list[Outcome | None]:
        standings_read = await self._database.read(lambda c: read_standings(c, contacts, self.cache), urgent=True)
        if standings_read is None:
            return [None] * len(contacts)
        self.cache.absorb(standings_read.log_position, standings_read.read)
        outcomes = judge_reports(
            contacts,
            {**standings_read.trusted, **standings_read.read},
            standings_read.log_position.now,
            standings_read.views,
        )
        self._count(outcomes)
        return outcomes

    async def _repeat(self, repeats: Sequence[CachedRepeat]) -> list[bool]:
        is_confirmed = await self._confirm(repeats)
        if is_confirmed:
            self._statistics.confirmed += len(repeats)
        return [is_confirmed] * len(repeats)

    async def _confirm(self, repeats: Sequence[CachedRepeat]) -> bool:
        if (batch := RepeatBatch.of(repeats, self.cache)) is None:
            return False
        if not batch.is_lease_due(self.cache.now()):
            confirmation = await self._database.read(lambda c: confirm(c, batch), urgent=True)
            if confirmation is None:
                return False
            self.cache.absorb(confirmation.log_position, {})
            if not (confirmation.is_confirmed and batch.is_lease_due(confirmation.log_position.now)):
                return confirmation.is_confirmed
        async with self._writer:
            confirmation = await self._database.write(lambda c: confirm_and_extend(c, batch), urgent=True)
        for standing in confirmation.extended:
            standing.lease_until = confirmation.extended_until
        self.cache.absorb(confirmation.log_position, {})
        observe_lags(self._statistics.contact_lags_s, confirmation.leases_left_s, batch.contact_within_s)
        return confirmation.is_confirmed

    async def _write(self, contacts: Sequence[Contact]) -> list[Outcome]:
        # Callers that gave up no longer count as waiting, but their reports are still written.
        self._vims_in_write = {report.vim_id for report, _ in contacts}
        try:
            async with self._writer:
                try:
                    result = await self._database.write(lambda c: judge_and_write(c, contacts, self.cache), urgent=True)
                except Overtaken:
                    result = await self._database.write(
                        lambda c: judge_and_write(c, contacts, self.cache, trust_cache=False), urgent=True
                    )
        except BaseException:
            # It is unknown whether the transaction was committed.
            self.cache.forget(self._vims_in_write)
            raise
        finally:
            self._vims_in_write = set()
        self.cache.absorb(result.log_position, result.standings, result.lease_ends)
        self._count(result.outcomes)
        statistics = self._statistics
        statistics.group_sizes.observe(len(contacts))
        waited_s = time.monotonic() - self._writes.oldest_arrival
        for age_s in result.change_ages_s:
            statistics.detection_delays_s.observe(age_s + waited_s)
        observe_lags(statistics.contact_lags_s, result.leases_left_s, contacts[0][1])
        return result.outcomes

    def _count(self, outcomes: Sequence[Outcome | None]) -> None:
        types, statistics = list(map(type, outcomes)), self._statistics
        statistics.changed += types.count(Recorded)
        statistics.confirmed += types.count(Unchanged)
        statistics.late += types.count(Late)
        statistics.bad_action += types.count(BadAction)


def observe_lags(histogram: Histogram, leases_left_s: Sequence[float], contact_within_s: float) -> None:
    """Observe the lags of actions, given what was left of their leases when they made contact."""
    in_time = 0
    for left_s in leases_left_s:
        if lag_s := certain_lag_s(left_s, contact_within_s):
            histogram.observe(lag_s)
        else:
            in_time += 1
    if in_time:
        histogram.observe(0.0, in_time)
