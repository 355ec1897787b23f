"""What every VimStore does to keep the log of changes short (G8)."""

from __future__ import annotations

import asyncio

import pytest

from tests.support.sql.stores import LOCK_TIMEOUT_S, record, registration, report, store_at
from vimesh.domain.errors import RevisionCompacted
from vimesh.domain.retention import Retention
from vimesh.domain.vim_store import VimStore
from vimesh.domain.vims import Status

EVER = 1e9


async def test_the_newest_changes_are_kept_by_count(store: VimStore) -> None:
    vims = [await store.register(registration()) for _ in range(10)]

    assert await store.compact(Retention(events=3, age_s=EVER), 4) == 4
    span = await store.span()
    assert (span.oldest, span.newest) == (6, 11)
    assert await store.compact(Retention(events=3, age_s=EVER), 100) == 3
    assert await store.compact(Retention(events=3, age_s=EVER), 100) == 0

    assert [event.vim_id for event in await store.events_after(8, 10)] == [vim.id for vim in vims[-3:]]
    with pytest.raises(RevisionCompacted) as refused:
        await store.events_after(7, 10)
    assert refused.value.oldest == 9
    assert [event.revision for event in (await store.events_of("", 10, ""))[0]] == [11, 10, 9]


async def test_changes_are_kept_by_age(store: VimStore) -> None:
    for _ in range(5):
        await store.register(registration())

    assert await store.compact(Retention(age_s=60.0), 100) == 0
    # The clock of some databases counts milliseconds: by the next one, all of them are too old.
    while await store.compact(Retention(age_s=1e-6), 100):
        pass

    span = await store.span()
    assert (span.oldest, span.newest) == (7, 6)


async def test_an_empty_log_goes_on_where_it_was(store: VimStore) -> None:
    vim = await store.register(registration())
    assert await store.compact(Retention(events=0, age_s=EVER), 100) == 1

    await record(store, [report(vim, Status.REACHABLE)])

    assert [event.revision for event in await store.events_after(2, 10)] == [3]
    assert (await store.get(vim.id)).status is Status.REACHABLE


async def test_writers_and_compactions_at_once_leave_no_gap(store: VimStore, database_url: str) -> None:
    async with store_at(database_url, lock_timeout_s=LOCK_TIMEOUT_S) as other:

        async def write(opened: VimStore) -> None:
            for _ in range(20):
                await opened.register(registration())

        async def compact(opened: VimStore) -> None:
            for _ in range(20):
                await opened.compact(Retention(events=5, age_s=EVER), 3)

        await asyncio.gather(write(store), write(other), compact(store), compact(other))

        span = await store.span()
        assert span.newest == 41
        revisions = [event.revision for event in await store.events_after(span.oldest - 1, 100)]
        assert revisions == list(range(span.oldest, span.newest + 1))
