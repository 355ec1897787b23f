"""The log of changes, read once per conductor and shown to all its watchers (G8)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Self

import structlog

from vimesh.domain.errors import VimeshError
from vimesh.domain.events import VimEvent
from vimesh.domain.ports import VimStore

_log = structlog.get_logger()

_PAGE = 1000


class Feed:
    """Keeps the newest changes in memory. A watcher that lags behind them reads the database instead.

    Watchers hold a revision each and nothing is queued for them: a slow one costs nothing and loses nothing.
    """

    def __init__(self, store: VimStore, *, poll_s: float = 0.1, keep: int = 10_000) -> None:
        self._store = store
        self._poll_s = poll_s
        self._keep = keep
        self._recent: list[VimEvent] = []
        self._newest = 0
        self._moved = asyncio.Event()
        self._poked = asyncio.Event()
        self._watched = asyncio.Event()
        self._watchers = 0
        self.draining = False
        """Whether all streams are to end."""

    def drain(self) -> None:
        """Wake all watchers for the last time."""
        self.draining = True
        self._wake()

    def poke(self) -> None:
        """Say that this conductor has committed a change, so that its watchers need not wait for the next poll."""
        self._poked.set()

    async def run(self) -> None:
        """Follow the log while anybody watches. Runs until cancelled."""
        lost = False
        while True:
            await self._watched.wait()
            try:
                await self._read()
            except VimeshError as error:
                # Watchers stay: what they have seen is still true, and they go on when the database is back.
                if not lost:
                    _log.warning("cannot follow the changes", error=str(error), cause=repr(error.__cause__))
                lost = True
            else:
                lost = False
            await self._pause()

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(self._poll_s):
                await self._poked.wait()
        except TimeoutError:
            pass
        self._poked.clear()

    async def _read(self) -> None:
        span = await self._store.span()
        joins = span.oldest - 1 <= self._newest <= span.newest
        if not joins or span.newest - self._newest > self._keep:
            # The first time, far behind after a pause, or another database: what is in memory does not join on.
            self._recent = []
            self._newest = span.newest
            self._wake()
        while self._newest < span.newest:
            page = await self._store.events_after(self._newest, _PAGE)
            self._recent += page
            if len(self._recent) > 2 * self._keep:
                del self._recent[: -self._keep]
            self._newest = page[-1].revision
            self._wake()

    def _wake(self) -> None:
        self._moved.set()
        self._moved = asyncio.Event()

    def __enter__(self) -> Self:
        self._watchers += 1
        self._watched.set()
        return self

    def __exit__(self, *_: object) -> None:
        self._watchers -= 1
        if not self._watchers:
            self._watched.clear()

    async def after(self, revision: int, limit: int, *, wait_s: float) -> Sequence[VimEvent]:
        """Return the next changes after a revision; none if nothing happens for `wait_s`, or the feed drains.

        To be called within `with feed:`. Raises RevisionCompacted, RevisionUnknown, StoreUnavailable.
        """
        try:
            async with asyncio.timeout(wait_s):
                while revision >= self._newest and not self.draining:
                    await self._moved.wait()
        except TimeoutError:
            return ()
        if revision >= self._newest:
            return ()
        if self._recent and self._recent[0].revision <= revision + 1:
            start = revision + 1 - self._recent[0].revision
            return self._recent[start : start + limit]
        return await self._store.events_after(revision, limit)
