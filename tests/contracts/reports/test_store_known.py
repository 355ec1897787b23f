"""Several stores on one database: what each of them knows is never more than what is committed."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest

from tests.support.sql.stores import LOCK_TIMEOUT_S, changes_in, elapse, record, registration, report, store_at
from vimesh.domain.retention import Retention
from vimesh.domain.vim_store import VimStore
from vimesh.domain.vims import BadAction, Late, Modification, Recorded, Status, Unchanged, Vim

LEASE_S = 90.0
"""What `record_reports` grants."""


@pytest.fixture
async def other(database_url: str) -> AsyncGenerator[VimStore]:
    async with store_at(database_url, lock_timeout_s=LOCK_TIMEOUT_S) as opened:
        yield opened


async def _known_to_all(vim: Vim, *stores: VimStore) -> None:
    await record(stores[0], [report(vim, Status.REACHABLE, 1)])
    for store in stores:
        assert await record(store, [report(vim, Status.REACHABLE, 1)]) == [Unchanged(Status.REACHABLE)]


async def test_an_action_that_another_store_made_unwanted_is_told_so(
    store: VimStore, other: VimStore, vim: Vim
) -> None:
    """G1, G3, G11: whether its report has to be written or not."""
    moved = await store.register(registration())
    for one in (vim, moved):
        await _known_to_all(one, store, other)
    await other.modify(moved.id, Modification(auth_url="http://192.0.2.2/"))
    await other.deregister(vim.id)

    for status in (Status.REACHABLE, Status.UNREACHABLE):
        said = [report(one, status, 1 if status is Status.REACHABLE else 2) for one in (vim, moved)]
        assert await record(store, said) == [BadAction(), BadAction()]

    assert (await store.get(moved.id)).status is Status.PENDING


async def test_a_report_that_another_store_has_overtaken_writes_nothing(
    store: VimStore, other: VimStore, vim: Vim
) -> None:
    """G5: a newer observation of the same status leaves no event from which the other store could know it."""
    await _known_to_all(vim, store, other)
    assert await record(other, [report(vim, Status.REACHABLE, 5)]) == [Recorded(Status.REACHABLE)]
    before = await changes_in(store)

    late = [report(vim, Status.UNREACHABLE, 3, reason="TIMEOUT"), report(vim, Status.REACHABLE, 4)]
    assert await record(store, late) == [Late(Status.REACHABLE, 5)] * 2

    assert await changes_in(store) == before
    assert (await store.get(vim.id)).status is Status.REACHABLE


async def test_who_is_overtaken_takes_no_neighbour_along(store: VimStore, other: VimStore, vim: Vim) -> None:
    neighbour = await store.register(registration())
    for one in (vim, neighbour):
        await _known_to_all(one, store, other)
    await record(other, [report(vim, Status.REACHABLE, 5)])

    said = [report(neighbour, Status.UNREACHABLE, 2), report(vim, Status.UNREACHABLE, 3)]
    assert await record(store, said) == [Recorded(Status.UNREACHABLE), Late(Status.REACHABLE, 5)]

    assert (await other.get(neighbour.id)).status is Status.UNREACHABLE


async def test_a_silence_that_another_store_told_of_is_known(store: VimStore, other: VimStore, vim: Vim) -> None:
    """G6, G8: the same report again is a change after it."""
    await _known_to_all(vim, store, other)
    await elapse(store, LEASE_S + 1, other)
    assert await other.record_lapses(10) == 1

    assert await record(store, [report(vim, Status.REACHABLE, 1)]) == [Recorded(Status.REACHABLE)]

    events, _ = await store.events_of(vim.id, 2, "")
    assert [(event.previous_status, event.status) for event in events] == [
        (Status.UNKNOWN, Status.REACHABLE),
        (Status.REACHABLE, Status.UNKNOWN),
    ]


async def test_a_lease_that_another_store_renewed_goes_on(store: VimStore, other: VimStore, vim: Vim) -> None:
    """G6: what this store knows of it is too short, and never too long."""
    await _known_to_all(vim, store, other)
    await elapse(store, LEASE_S / 2, other)
    await record(other, [report(vim, Status.REACHABLE, 1)])
    await elapse(store, LEASE_S / 2 + 1, other)

    assert await record(store, [report(vim, Status.REACHABLE, 1)]) == [Unchanged(Status.REACHABLE)]

    assert (await store.get(vim.id)).status is Status.REACHABLE
    assert await store.record_lapses(10) == 0


async def test_changes_that_were_dropped_are_no_reason_to_trust_what_is_known(
    store: VimStore, other: VimStore, vim: Vim
) -> None:
    """G3: the log does not reach back to what this store has seen."""
    await _known_to_all(vim, store, other)
    await other.modify(vim.id, Modification(auth_url="http://192.0.2.2/"))
    await other.register(registration())
    assert await other.compact(Retention(events=1), 100)

    assert await record(store, [report(vim, Status.REACHABLE, 1)]) == [BadAction()]
