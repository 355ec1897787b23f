"""Limits how many transactions of one kind run at a time, and queues the others."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

from vimesh.domain.errors import Overloaded
from vimesh.domain.fleet.store_statistics import QueueStatistics

T = TypeVar("T")


class TransactionQueue:
    """Limits how many callers wait for a place, and how long. Each kind of transaction has a queue of its own."""

    def __init__(self, places: int, *, patience_s: float, max_waiting: int, statistics: QueueStatistics) -> None:
        self._free = places
        self._patience_s = patience_s
        self._max_waiting = max_waiting
        self._statistics = statistics
        self._urgent: deque[asyncio.Future[None]] = deque()
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._running: set[asyncio.Future[Any]] = set()

    async def run(self, begin: Callable[[], asyncio.Future[T]], *, urgent: bool = False) -> T:
        """Run the work that `begin` starts. Urgent work goes first and does not count towards the limit.

        If the caller is cancelled, the work continues to its end and keeps its place until then.
        Raises Overloaded if too many wait, or if no place was free in time.
        """
        asked_at = time.monotonic()
        await self._wait_for_turn(urgent=urgent)
        started_at = time.monotonic()
        self._statistics.waits_s.observe(started_at - asked_at)
        try:
            future = begin()
        except BaseException:
            self._release_place()
            raise
        self._running.add(future)
        future.add_done_callback(self._on_done)
        future.add_done_callback(lambda _: self._statistics.durations_s.observe(time.monotonic() - started_at))
        return await asyncio.shield(future)

    async def _wait_for_turn(self, *, urgent: bool) -> None:
        if self._free:
            self._free -= 1
            return
        if not urgent and len(self._waiting) >= self._max_waiting:
            raise Overloaded
        queue = self._urgent if urgent else self._waiting
        turn = asyncio.get_running_loop().create_future()
        queue.append(turn)
        self._statistics.waiting += 1
        try:
            async with asyncio.timeout(self._patience_s):
                await turn
        except BaseException as error:
            if turn.cancelled():
                with suppress(ValueError):  # already removed by _pass_on
                    queue.remove(turn)
            else:  # the place was assigned while the caller was giving up
                self._release_place()
            if isinstance(error, TimeoutError):
                raise Overloaded from error
            raise
        finally:
            self._statistics.waiting -= 1

    def _on_done(self, future: asyncio.Future[Any]) -> None:
        self._running.discard(future)
        self._release_place()
        if not future.cancelled():
            future.exception()  # mark it as retrieved: the caller may be gone

    def _release_place(self) -> None:
        """Give the place to the next caller in line."""
        for queue in (self._urgent, self._waiting):
            while queue:
                turn = queue.popleft()
                if not turn.done():
                    turn.set_result(None)
                    return
        self._free += 1

    async def close(self) -> None:
        """Wait until nothing runs any more."""
        while self._running:
            await asyncio.wait(self._running)
