"""Answers that are held back: each is due after its time, or when something happens to its action."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from contextlib import contextmanager


class PendingReply:
    """One call of an action, from the moment that its report is under way."""

    def __init__(self) -> None:
        self.unwanted = False
        """Whether the action turned out to be not wanted meanwhile."""
        self._due = asyncio.Event()

    def release(self) -> None:
        self._due.set()

    async def wait(self, held_s: float) -> None:
        """Return when the time is over, or when released: at once if that was before."""
        try:
            async with asyncio.timeout(held_s):
                await self._due.wait()
        except TimeoutError:
            pass


class DelayedReplies:
    """All calls whose answers are held back, the oldest first.

    When there are more than `capacity`, the oldest is released: held answers must not use up the room for new calls.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._waiters: dict[PendingReply, str] = {}
        self._closed = False

    def __len__(self) -> int:
        return len(self._waiters)

    @contextmanager
    def holding(self, vim_id: str) -> Generator[PendingReply]:
        """Let the VIM's call be released while the block runs."""
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
        """Release the calls of an action that is not wanted any more."""
        for waiter, held in self._waiters.items():
            if held == vim_id:
                waiter.unwanted = True
                waiter.release()

    def close(self) -> None:
        """Release all, and hold none any more."""
        self._closed = True
        for waiter in self._waiters:
            waiter.release()
