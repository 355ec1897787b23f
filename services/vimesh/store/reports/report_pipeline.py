"""Records the reports of many callers: reports that change nothing do not wait for those that must be written."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Never

from vimesh.domain.vims import Outcome
from vimesh.store.reports.confirm_repeats import RepeatBatch, confirm, confirm_and_renew
from vimesh.store.reports.group_commit import Contact, GroupCommit
from vimesh.store.reports.judge_and_write import Overtaken, look, settled, write
from vimesh.store.reports.standing_cache import HeldRepeat, StandingCache
from vimesh.store.transactions.database import Database

_GROUP = 4_000
"""Repeats per transaction: each costs little in it, and together they rewrite the same pages only once."""


class ReportPipeline:
    """Runs three queues.

    One judges reports with a shared read, one writes the reports that change something, and one confirms repeats.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self.known = StandingCache()
        self._waiting: dict[str, int] = {}
        """The number of reports on each VIM that wait to be written."""
        self._writing: set[str] = set()
        # Two queues write urgently, ahead of ordinary writers. If one were already in line when the other finishes,
        # they would alternate forever and starve ordinary writes.
        self._writer = asyncio.Lock()
        self._looks: GroupCommit[Contact, Outcome | None] = GroupCommit(self._look)
        self._writes: GroupCommit[Contact, Outcome] = GroupCommit(self._write)
        self._repeats: GroupCommit[HeldRepeat, bool] = GroupCommit(self._repeat, many=_GROUP, max_group=_GROUP)

    async def run(self) -> Never:
        """Serve `record` and `repeat` until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._looks.run())
            tasks.create_task(self._writes.run())
            tasks.create_task(self._repeats.run())
        raise AssertionError("they run until cancelled")

    async def record(self, contacts: Sequence[Contact]) -> list[Outcome]:
        """Return the outcomes once they are committed. Raises Overloaded, StoreUnavailable."""
        if self._writes_of(contacts) or self.known.moves(contacts):
            return await self._written(contacts)
        said = await self._looks.record(contacts)
        moving = [contact for contact, outcome in zip(contacts, said, strict=True) if outcome is None]
        if not moving:
            return said  # type: ignore[return-value]  # none of them is None
        written = iter(await self._written(moving))
        return [next(written) if outcome is None else outcome for outcome in said]

    async def repeat(self, repeats: Sequence[HeldRepeat]) -> bool:
        """Return whether all repeats match the record; if so, they are recorded as contacts.

        Raises Overloaded, StoreUnavailable.
        """
        return all(await self._repeats.record(repeats))

    def _writes_of(self, contacts: Sequence[Contact]) -> bool:
        """Return whether a write for one of these VIMs is pending: the reports have to be judged after it."""
        if not self._waiting and not self._writing:
            return False
        return any(report.vim_id in self._writing or report.vim_id in self._waiting for report, _ in contacts)

    async def _written(self, contacts: Sequence[Contact]) -> list[Outcome]:
        waiting = self._waiting
        vim_ids = [report.vim_id for report, _ in contacts]
        for vim_id in vim_ids:
            waiting[vim_id] = waiting.get(vim_id, 0) + 1
        try:
            return await self._writes.record(contacts)
        finally:
            for vim_id in vim_ids:
                if waiting[vim_id] > 1:
                    waiting[vim_id] -= 1
                else:
                    del waiting[vim_id]

    async def _look(self, contacts: Sequence[Contact]) -> list[Outcome | None]:
        seen = await self._database.read(lambda c: look(c, contacts, self.known), urgent=True)
        if seen is None:
            return [None] * len(contacts)
        self.known.take_in(seen.found, seen.read)
        return settled(contacts, {**seen.known, **seen.read}, seen.found.now)

    async def _repeat(self, repeats: Sequence[HeldRepeat]) -> list[bool]:
        return [await self._heard_again(repeats)] * len(repeats)

    async def _heard_again(self, repeats: Sequence[HeldRepeat]) -> bool:
        if (claims := RepeatBatch.of(repeats, self.known)) is None:
            return False
        if not claims.due(self.known.now()):
            read = await self._database.read(lambda c: confirm(c, claims), urgent=True)
            if read is None:
                return False
            self.known.take_in(read.found, {})
            if not (read.hold and claims.due(read.found.now)):
                return read.hold
        async with self._writer:
            written = await self._database.write(lambda c: confirm_and_renew(c, claims), urgent=True)
        for held in written.renewed:
            held.lease_until = written.renewed_until
        self.known.take_in(written.found, {})
        return written.hold

    async def _write(self, contacts: Sequence[Contact]) -> list[Outcome]:
        # Callers that gave up no longer count as waiting, but their reports are still written.
        self._writing = {report.vim_id for report, _ in contacts}
        try:
            async with self._writer:
                try:
                    written = await self._database.write(lambda c: write(c, contacts, self.known), urgent=True)
                except Overtaken:
                    written = await self._database.write(
                        lambda c: write(c, contacts, self.known, believing=False), urgent=True
                    )
        except BaseException:
            # It is unknown whether the transaction was committed.
            self.known.forget(self._writing)
            raise
        finally:
            self._writing = set()
        self.known.take_in(written.found, written.held, written.renewed)
        return written.outcomes
