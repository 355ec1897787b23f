"""What a conductor remembers of the log for those who watch."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.support.stores import registration, sqlite_url, store_at
from tests.support.waiting import until
from vimesh.conductor.feed import Feed
from vimesh.domain.background import beside
from vimesh.store.sql import SqlStore

LARGE = {"a": "x" * 50_000}


@asynccontextmanager
async def followed(store: SqlStore, **limits: int) -> AsyncGenerator[Feed]:
    feed = Feed(store, poll_s=0.01, **limits)
    async with beside(feed.run()):
        yield feed


async def test_large_changes_are_remembered_up_to_a_number_of_bytes_and_none_is_lost(tmp_path: Path) -> None:
    async with store_at(sqlite_url(tmp_path / "vimesh.sqlite")) as store, followed(store, keep_bytes=300_000) as feed:
        newest = (await store.span()).newest
        with feed.watched(newest) as generation:
            for _ in range(40):
                await store.register(registration(extra=LARGE))
            await until(lambda: feed.newest == newest + 40, within_s=10)
            assert 100_000 <= feed.remembered_bytes <= 600_000

            seen: list[int] = []
            while revision := newest + len(seen):
                events = await feed.after(revision, 500, generation=generation, wait_s=0)
                if not events:
                    break
                seen += [event.revision for event in events]

    assert seen == list(range(newest + 1, newest + 41))


async def test_many_small_changes_are_remembered_up_to_a_number(tmp_path: Path) -> None:
    async with store_at(sqlite_url(tmp_path / "vimesh.sqlite")) as store, followed(store, keep=5) as feed:
        newest = (await store.span()).newest
        with feed.watched(newest):
            for number in range(30):
                await store.register(registration())
                await asyncio.wait_for(_seen(feed, newest + number + 1), 10)
                assert feed.remembered <= 10


async def _seen(feed: Feed, revision: int) -> None:
    await until(lambda: feed.newest >= revision, within_s=10)
