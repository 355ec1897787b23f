"""Holds answers back: each is sent after a set time, or earlier if it is released."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from contextlib import contextmanager


class PendingReply:
    """The answer to one call of an action, tracked from the time when its report is under way."""

    def __init__(self) -> None:
        self.is_unwanted = False
        """Whether the action has turned out to be unwanted in the meantime."""
        self._due = asyncio.Event()

    def release(self) -> None:
        self._due.set()

    async def wait(self, delay_s: float) -> None:
        """Wait for `delay_s` seconds or until released; return at once if already released."""
        try:
            async with asyncio.timeout(delay_s):
                await self._due.wait()
        except TimeoutError:
            pass


class DelayedReplies:
    """Tracks all calls whose answers are held back, the oldest first.

    If there are more than `capacity`, the oldest is released: held answers must not use up the room for new calls.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._pending: dict[PendingReply, str] = {}
        self._closed = False

    def __len__(self) -> int:
        return len(self._pending)

    @contextmanager
    def track(self, vim_id: str) -> Generator[PendingReply]:
        """Track a call of the VIM's action while the block runs, so that its answer can be released."""
        reply = PendingReply()
        self._pending[reply] = vim_id
        if self._closed:
            reply.release()
        elif len(self._pending) > self._capacity:
            next(iter(self._pending)).release()
        try:
            yield reply
        finally:
            self._pending.pop(reply, None)

    def release_unwanted(self, vim_id: str) -> None:
        """Release the calls of an action that is no longer wanted."""
        for reply, held in self._pending.items():
            if held == vim_id:
                reply.is_unwanted = True
                reply.release()

    def close(self) -> None:
        """Release all answers, and hold none back from now on."""
        self._closed = True
        for reply in self._pending:
            reply.release()
