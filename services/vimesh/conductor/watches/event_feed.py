"""Reads the log of changes once per conductor and serves it to all watchers (G8)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Never

import structlog

from vimesh.conductor.watches.fan_out import FanOut
from vimesh.domain.errors import EventUnreadable, RevisionUnknown, VimeshError
from vimesh.domain.events import LogSpan, VimEvent
from vimesh.domain.vim_store import VimStore
from vimesh.runtime.background import beside
from vimesh.runtime.outage_log import OutageLog

_log = structlog.get_logger()

_PAGE_SIZE = 1000
_MIN_PAUSE_S = 0.005
_MAX_BYTES = 16 * 1024 * 1024


class EventFeed:
    """Keeps the newest changes in memory. A watcher that lags behind them reads the database instead.

    Each watcher holds a revision and nothing is queued for it: a slow watcher costs nothing and loses nothing.
    """

    def __init__(
        self, store: VimStore, *, poll_s: float = 0.1, max_events: int = 10_000, max_bytes: int = _MAX_BYTES
    ) -> None:
        """Remember about `max_events` changes, and about `max_bytes` of the log; at most twice as much of either."""
        self._store = store
        self._poll_s = poll_s
        self._max_events = max_events
        self._max_bytes = max_bytes
        self._recent_bytes = 0
        self._recent: list[VimEvent] = []
        self._newest = 0
        self._last: VimEvent | None = None
        """The change with revision `_newest`, if it was read."""
        self._log_id = ""
        """The log that is read; empty while there are no watchers."""
        self._watched_revision = 0
        self._generation = 0
        self._fan_out = FanOut()
        self._outage_log = OutageLog("the view of the changes", "watches", meanwhile="watchers wait")
        self._interruptions = 0
        self._poke = asyncio.Event()
        self._has_watchers = asyncio.Event()
        self._watchers = 0
        self.draining = False
        """Whether all streams must end."""

    @property
    def newest(self) -> int:
        """The last revision that was read; 0 while there are no watchers."""
        return self._newest

    @property
    def remembered(self) -> int:
        return len(self._recent)

    @property
    def remembered_bytes(self) -> int:
        """Approximate number of bytes of the log in memory."""
        return self._recent_bytes

    def drain(self) -> None:
        """Wake all watchers for the last time."""
        self.draining = True
        self._fan_out.wake()

    def wake_watchers(self) -> None:
        """End the current wait of each watcher, which may have other things to do than to send changes."""
        self._interruptions += 1
        self._fan_out.wake()

    def poke(self) -> None:
        """Read the log soon, because a change was committed: watchers need not wait for the next poll."""
        self._poke.set()

    async def run(self) -> Never:
        """Follow the log while there are watchers. Runs until cancelled."""
        async with beside(self._fan_out.run()):
            await self._follow()
        raise AssertionError("it runs until cancelled")

    async def _follow(self) -> Never:
        while True:
            if not self._has_watchers.is_set():
                # Without watchers the log is not read, and the cached tail would go stale.
                self._watched_revision, self._log_id = 0, ""
                self._clear(newest=0)
            await self._has_watchers.wait()
            # Keep the watchers: what they have seen is still true, and they continue once the log can be read.
            with self._outage_log.absorb(VimeshError):
                await self._read()
            await self._pause()

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(self._poll_s):
                await self._poke.wait()
        except TimeoutError:
            pass
        # Changes in quick succession are read together, however often the feed is poked.
        await asyncio.sleep(_MIN_PAUSE_S)
        self._poke.clear()

    async def _read(self) -> None:
        # Every revision seen before the span is read must lie within it.
        seen_revision = max(self._watched_revision, self._newest)
        span = await self._store.span()
        is_other_log = span.log_id != (self._log_id or span.log_id)
        self._log_id = span.log_id
        if is_other_log or span.newest < seen_revision:
            self._restart_watchers(span, seen_revision)
            self._clear(newest=0)
        is_contiguous = span.oldest - 1 <= self._newest <= span.newest
        if not is_contiguous or span.newest - self._newest > self._max_events:
            # First read, far behind after a pause, or another database: do not continue from the cached tail.
            self._skip_to(span.newest)
        while self._newest < span.newest:
            try:
                page = await self._read_next_page(span)
            except EventUnreadable as error:
                # Each watcher that reaches this event gets the error from its own read of the database.
                _log.warning("cannot read a change", error=str(error), cause=repr(error.__cause__))
                self._skip_to(span.newest)
                return
            if page is None:
                self._restart_watchers(span, self._newest)
                self._skip_to(span.newest)
                return
            self._remember(page)
            self._last = page[-1]
            self._newest = self._last.revision
            self._fan_out.wake()

    async def _read_next_page(self, span: LogSpan) -> Sequence[VimEvent] | None:
        """Return the next changes; None if the last change that was read has since been replaced by another one.

        A replica that took over without the newest changes assigns their revisions again.
        """
        last = self._last
        if last is None or last.revision < span.oldest:
            return await self._store.events_after(self._newest, _PAGE_SIZE, span.log_id)
        again, *page = await self._store.events_after(self._newest - 1, _PAGE_SIZE, span.log_id)
        if (again.vim_id, again.time) != (last.vim_id, last.time):
            return None
        return page or await self._store.events_after(self._newest, _PAGE_SIZE, span.log_id)

    def _restart_watchers(self, span: LogSpan, seen_revision: int) -> None:
        """Make all watchers start again, because they were sent changes that no longer exist."""
        _log.warning(
            "the log of changes went back or is another one, as after a restored backup",
            newest=span.newest,
            seen=seen_revision,
            log_id=span.log_id,
        )
        self._generation += 1
        self._watched_revision = 0

    def _remember(self, page: Sequence[VimEvent]) -> None:
        self._recent += page
        self._recent_bytes += sum(event.size_bytes for event in page)
        # Drop rarely, and many at a time: every deletion moves the rest of the list.
        if len(self._recent) <= 2 * self._max_events and self._recent_bytes <= 2 * self._max_bytes:
            return
        dropped = max(0, len(self._recent) - self._max_events)
        self._recent_bytes -= sum(event.size_bytes for event in self._recent[:dropped])
        while self._recent_bytes > self._max_bytes:
            self._recent_bytes -= self._recent[dropped].size_bytes
            dropped += 1
        del self._recent[:dropped]

    def _clear(self, *, newest: int) -> None:
        self._recent, self._recent_bytes, self._newest, self._last = [], 0, newest, None

    def _skip_to(self, revision: int) -> None:
        self._clear(newest=revision)
        self._fan_out.wake()

    @contextmanager
    def watching(self, revision: int, log_id: str = "") -> Iterator[int]:
        """Follow the log for a watcher that has seen it up to `revision`. Yields the generation of the log.

        Raises RevisionUnknown if another log is followed than the one that the watcher has seen.
        """
        self._log_id = self._log_id or log_id
        if log_id and log_id != self._log_id:
            raise RevisionUnknown(self._newest, is_of_other_log=True)
        self._watchers += 1
        self._watched_revision = max(self._watched_revision, revision)
        self._has_watchers.set()
        try:
            yield self._generation
        finally:
            self._watchers -= 1
            if not self._watchers:
                self._has_watchers.clear()

    async def next_events(
        self, revision: int, limit: int, *, generation: int, wait_s: float, reporter: bool = False
    ) -> Sequence[VimEvent]:
        """Return the next changes after a revision; none if nothing happens for `wait_s`, or the wait is ended.

        Reporters are woken before other watchers. Call this within `with feed.watching(...)`.
        Raises RevisionCompacted, RevisionUnknown (also when the log has gone back since), EventUnreadable,
        StoreUnavailable.
        """
        interruptions = self._interruptions
        try:
            async with asyncio.timeout(wait_s):
                while (
                    revision >= self._newest
                    and generation == self._generation
                    and interruptions == self._interruptions
                    and not self.draining
                ):
                    await self._fan_out.turn(reporter=reporter)
        except TimeoutError:
            return ()
        self._require_generation(generation)
        if revision >= self._newest:
            return ()
        events = self._remembered(revision, limit) or await self._store.events_after(revision, limit, self._log_id)
        self._require_generation(generation)
        return events

    def _require_generation(self, generation: int) -> None:
        if generation != self._generation:
            raise RevisionUnknown(self._newest)

    def _remembered(self, revision: int, limit: int) -> Sequence[VimEvent]:
        if not self._recent or self._recent[0].revision > revision + 1:
            return ()
        start = revision + 1 - self._recent[0].revision
        return self._recent[start : start + limit]
