"""Repeats are answered by what is known, and never by more than what is committed."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import AsyncGenerator, Awaitable, Callable

import pytest

from tests.support.sql.stores import LOCK_TIMEOUT_S, changes_in, elapse, record, registration, report, store_at
from vimesh.domain.leases import LONGEST_LEASE_S
from vimesh.domain.retention import Retention
from vimesh.domain.vim_store import VimStore
from vimesh.domain.vims import Modification, Repeat, Status, Unchanged, Vim
from vimesh.store.sql_store import SqlStore

CONTACT_WITHIN_S = 30.0
LEASE_S = 3 * CONTACT_WITHIN_S

Change = Callable[[VimStore, Vim], Awaitable[object]]


@pytest.fixture
async def other(database_url: str) -> AsyncGenerator[VimStore]:
    async with store_at(database_url, lock_timeout_s=LOCK_TIMEOUT_S) as opened:
        yield opened


async def repeat_of(store: VimStore, vim: Vim) -> Repeat:
    """Have the action heard, and return what it says from then on."""
    await record(store, [report(vim, Status.REACHABLE, 1)])
    return vim.id, store.cached_standings[vim.id], CONTACT_WITHIN_S


async def test_a_lease_that_is_due_goes_on(store: VimStore, vim: Vim) -> None:
    again = await repeat_of(store, vim)
    before, changes = await store.get(vim.id), await changes_in(store)
    await elapse(store, LEASE_S / 2)

    assert await store.record_repeats([again])

    after = await store.get(vim.id)
    assert before.valid_until is not None
    assert after.valid_until is not None
    assert after.valid_until >= before.valid_until
    assert (after.status, await changes_in(store)) == (Status.REACHABLE, changes)
    assert await store.record_repeats([again])
    assert await store.get(vim.id) == after, "once more it was not due"
    await elapse(store, LEASE_S / 2)
    assert (await store.get(vim.id)).status is Status.REACHABLE


async def test_with_most_of_the_lease_left_nothing_is_written(store: VimStore, vim: Vim) -> None:
    again = await repeat_of(store, vim)
    await elapse(store, LEASE_S / 5)
    before = await store.get(vim.id)

    assert await store.record_repeats([again])

    assert await store.get(vim.id) == before


async def test_only_the_leases_that_are_due_are_written(store: VimStore, vim: Vim) -> None:
    again = await repeat_of(store, vim)
    await elapse(store, LEASE_S / 2)
    fresh = await repeat_of(store, await store.register(registration()))
    before, due = await store.get(fresh[0]), await store.get(vim.id)
    assert due.valid_until is not None

    assert await store.record_repeats([fresh, again, again])

    assert await store.get(fresh[0]) == before
    until = (await store.get(vim.id)).valid_until
    assert until is not None
    assert until - due.valid_until > dt.timedelta(seconds=LEASE_S / 3)


async def test_the_longest_of_several_paces_is_granted(store: VimStore, vim: Vim) -> None:
    vim_id, standing, _ = await repeat_of(store, vim)
    await elapse(store, LEASE_S * 0.9)

    paces = (1.0, CONTACT_WITHIN_S, 2.0)
    assert await store.record_repeats([(vim_id, standing, pace) for pace in paces])

    await elapse(store, LEASE_S * 0.9)
    assert (await store.get(vim.id)).status is Status.REACHABLE


def sees_the_time(store: VimStore, seconds_late: float) -> None:
    """Let the process be wrong about the database's clock."""
    assert isinstance(store, SqlStore)
    store._reports.cache._clock_offset -= round(seconds_late * 1e6)


async def test_whether_a_lease_is_due_is_told_by_the_clock_of_the_database(store: VimStore, vim: Vim) -> None:
    again = await repeat_of(store, vim)
    await elapse(store, LEASE_S * 0.9)
    sees_the_time(store, LEASE_S * 0.9)

    assert await store.record_repeats([again])

    await elapse(store, LEASE_S * 0.9)
    assert (await store.get(vim.id)).status is Status.REACHABLE


async def test_who_believes_that_leases_are_due_which_are_not_writes_nothing(store: VimStore, vim: Vim) -> None:
    again = await repeat_of(store, vim)
    before = await store.get(vim.id)
    sees_the_time(store, -LEASE_S * 0.9)

    assert await store.record_repeats([again])

    assert await store.get(vim.id) == before


async def test_repeats_beside_reports_on_the_same_vims_are_all_answered(store: VimStore, vim: Vim) -> None:
    another = await store.register(registration())
    for _ in range(20):
        both = [await repeat_of(store, one) for one in (vim, another)]
        await elapse(store, LEASE_S / 2)
        said = [report(one, Status.REACHABLE, 1) for one in (vim, another)]

        *repeated, recorded = await asyncio.gather(
            store.record_repeats(both),
            store.record_repeats(both[1:]),
            store.record_repeats(both[:1]),
            record(store, said),
        )

        assert set(repeated) <= {True, False}
        assert recorded == [Unchanged(Status.REACHABLE)] * 2


async def test_when_the_log_was_cut_nothing_is_believed(store: VimStore, other: VimStore, vim: Vim) -> None:
    """Nobody can tell any more of which VIMs the changes were."""
    again = await repeat_of(store, vim)
    await record(other, [report(vim, Status.UNREACHABLE, 2)])
    while await other.compact(Retention(events=0), 100):
        pass

    assert not await store.record_repeats([again])


async def test_no_repeats_are_heard_at_once(store: VimStore) -> None:
    assert await store.record_repeats([])


async def moved(store: VimStore, vim: Vim) -> None:
    await store.modify(vim.id, Modification(auth_url="http://192.0.2.2/"))


async def deregistered(store: VimStore, vim: Vim) -> None:
    await store.deregister(vim.id)


async def unreachable(store: VimStore, vim: Vim) -> None:
    await record(store, [report(vim, Status.UNREACHABLE, 2)])


@pytest.mark.parametrize("change", [moved, deregistered, unreachable])
@pytest.mark.parametrize("elapsed_s", [0, LEASE_S / 2], ids=["fresh", "due"])
@pytest.mark.parametrize("by", ["itself", "another"])
async def test_what_was_changed_is_not_said_again(  # noqa: PLR0917 - fixtures and parameters
    store: VimStore, other: VimStore, vim: Vim, change: Change, elapsed_s: float, by: str
) -> None:
    """G1, G3, G11: and none of those in the same call is heard by halves."""
    neighbour = await repeat_of(store, await store.register(registration()))
    again = await repeat_of(store, vim)
    await elapse(store, elapsed_s, other)
    await change(store if by == "itself" else other, vim)
    before = await store.get(neighbour[0])

    assert not await store.record_repeats([neighbour, again])

    assert await store.get(neighbour[0]) == before


async def test_a_silence_that_another_store_told_of_is_not_ended(store: VimStore, other: VimStore, vim: Vim) -> None:
    """G6, G8: the end of a silence is a change."""
    again = await repeat_of(store, vim)
    await elapse(store, LEASE_S + 1, other)
    assert await other.record_lapses(10) == 1

    assert not await store.record_repeats([again])

    assert (await store.get(vim.id)).status is Status.UNKNOWN


@pytest.mark.parametrize(
    "elapsed_s", [LEASE_S + 1, -LONGEST_LEASE_S - 1], ids=["the lease has ended", "the clock was set back"]
)
async def test_a_lease_that_cannot_be_believed_is_not_gone_on_with(store: VimStore, vim: Vim, elapsed_s: float) -> None:
    again = await repeat_of(store, vim)
    await elapse(store, elapsed_s)
    before = await store.get(vim.id)

    assert not await store.record_repeats([again])

    assert await store.get(vim.id) == before


async def test_of_another_process_nothing_is_believed(store: VimStore, other: VimStore, vim: Vim) -> None:
    await repeat_of(store, vim)

    assert vim.id not in other.cached_standings
