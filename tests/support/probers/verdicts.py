"""Collects the verdicts of a host, and lets a test wait for them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from vimesh.domain.probing import Reason
from vimesh.domain.vims import Status
from vimesh.monitor.targets.verdict import Verdict

PATIENCE_S = 15.0
"""A test that waits longer has failed; on a busy machine everything takes longer than it should."""


class Verdicts:
    """All verdicts, in order."""

    def __init__(self) -> None:
        self.all: list[Verdict] = []
        self._news = asyncio.Event()

    def note(self, verdict: Verdict) -> None:
        self.all.append(verdict)
        self._news.set()

    def of(self, vim_id: str) -> list[Verdict]:
        return [verdict for verdict in self.all if verdict.vim_id == vim_id]

    async def next_of(self, vim_id: str, *, after: int = 0) -> Verdict:
        """Wait for the verdict after the first `after` ones on a VIM."""
        return (await self._until(lambda: self.of(vim_id)[after:]))[0]

    async def judged(self, vim_id: str) -> Verdict:
        """Wait for the first verdict on a VIM that is not due to this machine being too busy to probe in time."""
        return (await self._until(lambda: [one for one in self.of(vim_id) if one.reason != Reason.LOCAL_RESOURCES]))[0]

    async def until(self, vim_id: str, status: Status) -> Verdict:
        """Wait until the newest verdict on a VIM has the status."""
        return (await self._until(lambda: [one for one in self.of(vim_id)[-1:] if one.status is status]))[0]

    async def _until(self, chosen: Callable[[], list[Verdict]]) -> list[Verdict]:
        """Wait until there are such verdicts."""
        async with asyncio.timeout(PATIENCE_S):
            while not (said := chosen()):
                self._news.clear()
                await self._news.wait()
        return said
