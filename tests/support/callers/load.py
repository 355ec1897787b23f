"""Calls without pause while something is changed, and counts how the calls end."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager

_LIMIT_S = 60.0


class Load:
    def __init__(self, enough: int) -> None:
        """`enough`: number of calls after which a change has had its chance to break one."""
        self.ends: Counter[str] = Counter()
        self._enough = enough
        self._progress = asyncio.Event()

    async def until_more(self) -> None:
        wanted = self.ends.total() + self._enough
        async with asyncio.timeout(_LIMIT_S):
            while self.ends.total() < wanted:
                self._progress.clear()
                await self._progress.wait()

    @asynccontextmanager
    async def running(self, callers: Iterable[Callable[[], Awaitable[str]]]) -> AsyncGenerator[None]:
        """Let each caller, which returns how its call ended, call again and again; begins after enough calls."""
        tasks = [asyncio.create_task(self._repeat(make_call)) for make_call in callers]
        try:
            await self.until_more()
            yield
        finally:
            for task in tasks:
                task.cancel()
            ends = await asyncio.gather(*tasks, return_exceptions=True)
            faults = [end for end in ends if not isinstance(end, asyncio.CancelledError)]
            assert not faults, faults

    async def _repeat(self, make_call: Callable[[], Awaitable[str]]) -> None:
        while True:
            self.ends[await make_call()] += 1
            self._progress.set()
