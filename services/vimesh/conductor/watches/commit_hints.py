"""Listens for commits of other conductors, where the database offers notifications."""

from __future__ import annotations

import asyncio
from random import SystemRandom
from typing import Never

from vimesh.conductor.watches.event_feed import EventFeed
from vimesh.domain.errors import StoreUnavailable
from vimesh.domain.vim_store import VimStore
from vimesh.runtime.backoff import Backoff
from vimesh.runtime.outage_log import OutageLog


class CommitHints:
    """Pokes the feed on each hint. The feed's next poll finds the commits for which no hint arrives."""

    def __init__(self, store: VimStore, feed: EventFeed) -> None:
        self._store = store
        self._feed = feed
        self._backoff = Backoff(first_s=1.0, longest_s=30.0, random=SystemRandom())
        self._outage_log = OutageLog(
            "the database", "hints", meanwhile="other conductors' changes are found by polling"
        )

    async def run(self) -> Never:
        """Listen, and reconnect after failures. Runs until cancelled."""
        while True:
            try:
                await self._store.watch_commits(self._on_commit)
            except StoreUnavailable as error:
                self._outage_log.note_failure(repr(error.__cause__))
                await asyncio.sleep(self._backoff.pause_s())

    def _on_commit(self) -> None:
        self._outage_log.note_success()
        self._backoff.reset()
        self._feed.poke()
