"""What every VimStore tells of changes."""

from __future__ import annotations

import pytest

from tests.support.sql.stores import record, registration, report
from vimesh.domain.errors import (
    PageTokenInvalid,
    RevisionCompacted,
    RevisionUnknown,
)
from vimesh.domain.events import EventKind, VimEvent
from vimesh.domain.vim_store import VimStore
from vimesh.domain.vims import (
    Status,
    Vim,
)


async def test_changes_are_read_from_any_revision_in_order(store: VimStore) -> None:
    """G8."""
    vims = [await store.register(registration()) for _ in range(5)]
    await record(store, [report(vim, Status.REACHABLE) for vim in vims])

    assert [event.revision for event in await store.events_after(1, 100)] == list(range(2, 12))
    assert [event.revision for event in await store.events_after(4, 3)] == [5, 6, 7]
    assert await store.events_after(11, 3) == []
    span = await store.span()
    assert (span.oldest, span.newest) == (2, 11)


async def test_a_revision_that_never_happened_is_unknown(store: VimStore, vim: Vim) -> None:
    with pytest.raises(RevisionUnknown):
        await store.events_after(vim.revision + 1, 10)


async def test_an_empty_log_is_followed_from_its_making(store: VimStore) -> None:
    span = await store.span()
    assert (span.oldest, span.newest) == (2, 1)
    assert await store.events_after(1, 10) == []
    with pytest.raises(RevisionCompacted):
        await store.events_after(0, 10)


async def test_changes_of_one_vim_are_paged_newest_first_even_when_it_is_gone(store: VimStore, vim: Vim) -> None:
    for number in range(1, 6):
        await record(store, [report(vim, Status.REACHABLE if number % 2 else Status.UNREACHABLE, number)])
        await store.register(registration())
    await store.deregister(vim.id)

    seen: list[VimEvent] = []
    token = ""
    while True:
        page, token = await store.events_of(vim.id, 3, token)
        seen += page
        if not token:
            break

    assert {event.vim_id for event in seen} == {vim.id}
    assert [event.kind for event in seen] == [
        EventKind.DEREGISTERED,
        *[EventKind.STATUS_CHANGED] * 5,
        EventKind.REGISTERED,
    ]
    assert [event.revision for event in seen] == sorted((event.revision for event in seen), reverse=True)
    _, token = await store.events_of(vim.id, 3, "")
    with pytest.raises(PageTokenInvalid):
        await store.events_of("", 3, token)
