"""Recording reports of many callers: what was settled before is not kept waiting by what has to be written."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Never

from vimesh.domain.vims import Outcome
from vimesh.store.database import Database
from vimesh.store.group import Contact, GroupCommit
from vimesh.store.known import Known
from vimesh.store.reports import Overtaken, look, settled, write


class Recording:
    """Two queues: reports are judged together by one read, and what they move is written together."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.known = Known()
        self._looks: GroupCommit[Outcome | None] = GroupCommit(self._look)
        self._writes: GroupCommit[Outcome] = GroupCommit(self._write)

    async def run(self) -> Never:
        """Serve `record` until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._looks.run())
            tasks.create_task(self._writes.run())
        raise AssertionError("both run until cancelled")

    async def record(self, contacts: Sequence[Contact]) -> list[Outcome]:
        """Return the outcomes once they are committed. Raises Overloaded, StoreUnavailable."""
        if self.known.moves(contacts):
            return await self._writes.record(contacts)
        said = await self._looks.record(contacts)
        moving = [contact for contact, outcome in zip(contacts, said, strict=True) if outcome is None]
        if not moving:
            return said  # type: ignore[return-value]  # none of them is None
        written = iter(await self._writes.record(moving))
        return [next(written) if outcome is None else outcome for outcome in said]

    async def _look(self, contacts: Sequence[Contact]) -> list[Outcome | None]:
        found = await self._database.read(lambda c: look(c, contacts, self.known), urgent=True)
        self.known.take_in(found.changed, found.newest, found.now, found.read)
        return settled(contacts, {**found.known, **found.read}, found.now)

    async def _write(self, contacts: Sequence[Contact]) -> list[Outcome]:
        try:
            try:
                written = await self._database.write(lambda c: write(c, contacts, self.known), urgent=True)
            except Overtaken:
                nothing = Known()
                written = await self._database.write(lambda c: write(c, contacts, nothing), urgent=True)
        except BaseException:
            # Nobody knows whether it was committed.
            self.known.forget(report.vim_id for report, _ in contacts)
            raise
        self.known.take_in(written.changed, written.newest, written.now, written.held, written.renewed)
        return written.outcomes
