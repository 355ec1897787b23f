"""Collects the conditions of a host, and lets a test wait for them."""

from __future__ import annotations

import asyncio

from tests.support.probers.verdicts import PATIENCE_S
from vimesh.domain.conditions.conditions import Certificate, Condition
from vimesh.monitor.host.action_host import ActionHost


class ToldConditions:
    """What a host would tell the conductors."""

    def __init__(self, host: ActionHost) -> None:
        assert host.conditions is not None
        self.book = host.conditions.book
        self.all: list[tuple[str, Condition]] = []
        """Each with the id of its VIM, in order."""
        self.certificates: dict[str, Certificate] = {}
        """The newest one of each VIM."""
        self._newest: dict[tuple[str, str], Condition] = {}
        self._news = asyncio.Event()
        self.book.on_news = self._news.set

    def take(self) -> None:
        """Take what is news."""
        for news in self.book.take(100):
            for condition in news.conditions:
                self.all.append((news.vim_id, condition))
                self._newest[news.vim_id, condition.type] = condition
            if news.certificate is not None:
                self.certificates[news.vim_id] = news.certificate

    async def next(self, condition_type: str, vim_id: str = "vim", *, after: Condition | None = None) -> Condition:
        """Wait until a condition of a VIM is told that is not `after`, and return it."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                self._news.clear()
                self.take()
                found = self._newest.get((vim_id, condition_type))
                if found is not None and found != after:
                    return found
                await self._news.wait()
