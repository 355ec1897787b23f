"""Collects what a host says, and lets a test wait for it."""

from __future__ import annotations

import asyncio

from vimesh.domain.vims import Status
from vimesh.monitor.targets.verdict import Verdict

PATIENCE_S = 15.0
"""A test that waits longer has failed; on a busy machine everything takes longer than it should."""


class Verdicts:
    """Every verdict, in order."""

    def __init__(self) -> None:
        self.all: list[Verdict] = []
        self._news = asyncio.Event()

    def note(self, verdict: Verdict) -> None:
        self.all.append(verdict)
        self._news.set()

    def of(self, vim_id: str) -> list[Verdict]:
        return [verdict for verdict in self.all if verdict.vim_id == vim_id]

    async def next_of(self, vim_id: str, *, after: int = 0) -> Verdict:
        """Wait for the verdict that follows the first `after` ones on a VIM."""
        async with asyncio.timeout(PATIENCE_S):
            while len(self.of(vim_id)) <= after:
                self._news.clear()
                await self._news.wait()
        return self.of(vim_id)[after]

    async def judged(self, vim_id: str) -> Verdict:
        """Wait for the first verdict on a VIM other than UNKNOWN, which a busy machine says because of itself."""
        async with asyncio.timeout(PATIENCE_S):
            while not (said := [each for each in self.of(vim_id) if each.status is not Status.UNKNOWN]):
                self._news.clear()
                await self._news.wait()
        return said[0]

    async def until(self, vim_id: str, status: Status) -> Verdict:
        """Wait until the newest verdict on a VIM has the status."""
        async with asyncio.timeout(PATIENCE_S):
            while not (said := self.of(vim_id)) or said[-1].status is not status:
                self._news.clear()
                await self._news.wait()
        return said[-1]
