"""What every VimStore does so that no caller can fill a disk with changes: it counts their bytes (G8)."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection, delete, func, select, update

from tests.support.sql.stores import record, registration, report
from vimesh.domain.errors import RevisionCompacted
from vimesh.domain.retention import Retention, in_batches
from vimesh.domain.vims import Modification, Registered, Status, Vim
from vimesh.store.change_log.log_size import SEGMENT_BYTES
from vimesh.store.schema.event_documents import as_text
from vimesh.store.schema.tables import events, revisions, segments
from vimesh.store.sql_store import SqlStore

EVER = 1e9
KEPT_BYTES = 6 * SEGMENT_BYTES
LARGE = {"a": "\u00e9" * 20_000}
"""40,000 bytes, and as many as a free-form field may have where letters are escaped."""


def large(**fields: object) -> dict[str, object]:
    return {"vim_project": LARGE, "placement_attr": LARGE, "extra": LARGE, **fields}


async def fill(store: SqlStore, size_bytes: int) -> list[Vim]:
    """Register large VIMs until the log has grown by so much."""
    end = await store.logged_bytes() + size_bytes
    vims: list[Vim] = []
    while await store.logged_bytes() < end:
        made = await store.register_many([registration(**large()) for _ in range(4)])
        vims += [await store.get(one.vim_id) for one in made if isinstance(one, Registered)]
    return vims


def stored_bytes(connection: Connection) -> int:
    """Ask the database what the bytes are that the log holds of texts."""
    characters = func.coalesce(func.length(as_text(events.c.document)), 0) + func.length(events.c.detail)
    return int(connection.execute(select(func.sum(characters))).scalar_one())


async def test_a_small_change_of_a_large_vim_leaves_a_small_event(store: SqlStore) -> None:
    vim = await store.register(registration(**large()))
    before = await store.logged_bytes()
    text_before = await store._database.read(stored_bytes)

    for number in range(20):
        await store.modify(vim.id, Modification(description=str(number)))
    await record(store, [report(vim, Status.REACHABLE, 1, detail="x" * 512)])

    assert await store.logged_bytes() - before < 21 * 3000
    assert await store._database.read(stored_bytes) - text_before < 21 * 3000
    assert all(event.size_bytes < 3000 for event in await store.events_after(vim.revision, 100))


async def test_a_removal_keeps_once_what_was_removed(store: SqlStore) -> None:
    """Otherwise no list of an earlier time could show it."""
    vim = await store.register(registration(**large()))
    before = await store.logged_bytes()

    await store.deregister(vim.id)

    [event] = await store.events_after(vim.revision, 100)
    assert event.vim is not None
    assert event.vim.extra == {}
    assert 100_000 < event.size_bytes == await store.logged_bytes() - before < 130_000


async def test_a_large_change_is_counted_whole(store: SqlStore) -> None:
    vim = await store.register(registration())
    before = await store.logged_bytes()

    await store.modify(vim.id, Modification(extra=LARGE))

    [event] = await store.events_after(vim.revision, 100)
    assert event.vim is not None
    assert event.vim.extra == LARGE
    assert event.size_bytes > 40_000
    assert await store.logged_bytes() - before == event.size_bytes


async def test_the_oldest_changes_are_dropped_when_the_log_has_too_many_bytes(store: SqlStore) -> None:
    retention = Retention(size_bytes=KEPT_BYTES, age_s=EVER)
    vims = await fill(store, KEPT_BYTES - SEGMENT_BYTES)
    assert await store.compact(retention, 1000) == 0

    vims += await fill(store, 8 * SEGMENT_BYTES)
    first = await store.compact(retention, 1000)
    assert 0 < first * 120_000 < 6 * SEGMENT_BYTES  # other writers wait meanwhile
    dropped = first + await in_batches(lambda limit: store.compact(retention, limit))

    kept = [event for vim in vims[dropped:] for event in await store.events_after(vim.revision - 1, 1)]
    assert KEPT_BYTES - 2 * SEGMENT_BYTES < sum(event.size_bytes for event in kept) <= KEPT_BYTES
    span = await store.span()
    assert [event.revision for event in kept] == list(range(span.oldest, span.newest + 1))
    assert span.oldest == vims[dropped].revision
    with pytest.raises(RevisionCompacted):
        await store.events_after(span.oldest - 2, 1)
    assert await store.compact(retention, 1000) == 0


async def test_what_is_dropped_for_another_reason_does_not_count(store: SqlStore) -> None:
    vims = await fill(store, KEPT_BYTES + 4 * SEGMENT_BYTES)
    half = len(vims) // 2
    await in_batches(lambda limit: store.compact(Retention(events=half, age_s=EVER), limit))

    assert await store.compact(Retention(size_bytes=KEPT_BYTES, age_s=EVER), 1000) == 0
    assert len(await store.events_after(vims[-half].revision - 1, 1)) == 1


async def test_a_page_of_large_changes_has_few_of_them(store: SqlStore) -> None:
    vims = await fill(store, 4 * SEGMENT_BYTES)

    seen: list[int] = []
    while seen[-1:] != [vims[-1].revision]:
        page = await store.events_after(seen[-1] if seen else 1, 1000)
        assert sum(event.size_bytes for event in page[:-1]) < SEGMENT_BYTES + 1
        seen += [event.revision for event in page]

    token, listed = "", 0
    while token or not listed:
        page, token = await store.events_of("", 1000, token)
        assert sum(event.size_bytes for event in page[:-1]) < 2 * SEGMENT_BYTES + 1
        listed += len(page)
    assert seen == [vim.revision for vim in vims]
    assert listed == len(vims)


async def test_changes_of_conductors_that_count_no_bytes_are_counted_by_the_next_one(store: SqlStore) -> None:
    """An earlier version leaves alone what it does not know: while it is replaced, both write."""
    await fill(store, SEGMENT_BYTES)
    before = await store.logged_bytes()
    columns = select(revisions.c.written, revisions.c.counted)
    [written, counted] = await store._database.read(lambda c: c.execute(columns).one())
    theirs = await fill(store, KEPT_BYTES + 2 * SEGMENT_BYTES)

    def as_theirs(connection: Connection) -> None:
        connection.execute(update(revisions).values(written=written, counted=counted))
        connection.execute(delete(segments).where(segments.c.revision > counted))

    await store._database.write(as_theirs)
    assert await store.logged_bytes() == before

    ours = await store.register(registration())

    # Letters of two bytes are counted as such.
    assert await store.logged_bytes() - before > KEPT_BYTES + 2 * SEGMENT_BYTES
    assert await store.compact(Retention(events=10, age_s=EVER), 10) == 10
    await fill(store, KEPT_BYTES)
    await in_batches(lambda limit: store.compact(Retention(size_bytes=KEPT_BYTES, age_s=EVER), limit))
    assert (await store.span()).oldest > theirs[-1].revision
    assert (await store.events_of(ours.id, 10, ""))[0] == []
