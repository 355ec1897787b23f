"""Holds answers back: each is sent after a set time, or earlier if it is released."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from contextlib import contextmanager


class PendingReply:
    """The answer to one call of an action, tracked from the time when its report is under way."""

    def __init__(self) -> None:
        self.unwanted = False
        """Whether the action has turned out to be unwanted in the meantime."""
        self._due = asyncio.Event()

    def release(self) -> None:
        self._due.set()

    async def wait(self, held_s: float) -> None:
        """Wait for `held_s` seconds or until released; return at once if already released."""
        try:
            async with asyncio.timeout(held_s):
                await self._due.wait()
        except TimeoutError:
            pass


class DelayedReplies:
    """Tracks all calls whose answers are held back, the oldest first.

    If there are more than `capacity`, the oldest is released: held answers must not use up the room for new calls.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._waiters: dict[PendingReply, str] = {}
        self._closed = False

    def __len__(self) -> int:
        return len(self._waiters)

    @contextmanager
    def holding(self, vim_id: str) -> Generator[PendingReply]:
        """Track a call of the VIM's action while the block runs, so that its answer can be released."""
        waiter = PendingReply()
        self._waiters[waiter] = vim_id
        if self._closed:
            waiter.release()
        elif len(self._waiters) > self._capacity:
            next(iter(self._waiters)).release()
        try:
            yield waiter
        finally:
            self._waiters.pop(waiter, None)

    def unwanted(self, vim_id: str) -> None:
        """Release the calls of an action that is no longer wanted."""
        for waiter, held in self._waiters.items():
            if held == vim_id:
                waiter.unwanted = True
                waiter.release()

    def close(self) -> None:
        """Release all answers, and hold none back from now on."""
        self._closed = True
        for waiter in self._waiters:
            waiter.release()
