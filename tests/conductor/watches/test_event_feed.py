"""What a conductor remembers of the log for those who watch."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import update

from tests.conductor.watches.watching import followed
from tests.support.sql.stores import registration, sqlite_url, store_at
from tests.support.timing.waiting import until
from vimesh.conductor.watches.event_feed import EventFeed
from vimesh.domain.errors import RevisionUnknown
from vimesh.domain.retention import Retention
from vimesh.store.schema.tables import events as log

LARGE = {"a": "x" * 50_000}


async def test_large_changes_are_remembered_up_to_a_number_of_bytes_and_none_is_lost(tmp_path: Path) -> None:
    async with store_at(sqlite_url(tmp_path / "vimesh.sqlite")) as store, followed(store, max_bytes=300_000) as feed:
        newest = (await store.span()).newest
        with feed.watching(newest) as generation:
            for _ in range(40):
                await store.register(registration(extra=LARGE))
            await until(lambda: feed.newest == newest + 40, within_s=10)
            assert 100_000 <= feed.remembered_bytes <= 600_000

            seen: list[int] = []
            while revision := newest + len(seen):
                events = await feed.next_events(revision, 500, generation=generation, wait_s=0)
                if not events:
                    break
                seen += [event.revision for event in events]

    assert seen == list(range(newest + 1, newest + 41))


async def test_many_small_changes_are_remembered_up_to_a_number(tmp_path: Path) -> None:
    async with store_at(sqlite_url(tmp_path / "vimesh.sqlite")) as store, followed(store, max_events=5) as feed:
        newest = (await store.span()).newest
        with feed.watching(newest):
            for number in range(30):
                await store.register(registration())
                await asyncio.wait_for(_seen(feed, newest + number + 1), 10)
                assert feed.remembered <= 10


async def _seen(feed: EventFeed, revision: int) -> None:
    await until(lambda: feed.newest >= revision, within_s=10)


async def test_a_log_that_has_gone_as_far_again_by_other_changes_is_another_one(tmp_path: Path) -> None:
    """G8. As of a replica that took over without the newest changes, and was written to since."""
    async with store_at(sqlite_url(tmp_path / "vimesh.sqlite")) as store, followed(store) as feed:
        first = (await store.span()).newest + 1
        with feed.watching(first - 1) as generation:
            for _ in range(3):
                await store.register(registration())
            await asyncio.wait_for(_seen(feed, first + 2), 10)
            lost = update(log).where(log.c.revision > first).values(time=log.c.time + 7)
            await store._database.write(lambda connection: connection.execute(lost))

            await store.register(registration())

            with pytest.raises(RevisionUnknown):
                await feed.next_events(first + 2, 500, generation=generation, wait_s=10)
        with feed.watching(first) as generation:
            await store.register(registration())
            await asyncio.wait_for(_seen(feed, first + 4), 10)
            events = await feed.next_events(first, 500, generation=generation, wait_s=10)
    assert [event.revision for event in events] == [first + 1, first + 2, first + 3, first + 4]


async def test_a_follower_goes_on_where_the_last_change_that_it_read_was_dropped(tmp_path: Path) -> None:
    async with store_at(sqlite_url(tmp_path / "vimesh.sqlite")) as store, followed(store) as feed:
        first = (await store.span()).newest + 1
        with feed.watching(first - 1) as generation:
            await store.register(registration())
            await asyncio.wait_for(_seen(feed, first), 10)
            await store.compact(Retention(events=0), 500)
            await store.register(registration())
            events = await feed.next_events(first, 500, generation=generation, wait_s=10)
    assert [event.revision for event in events] == [first + 1]
