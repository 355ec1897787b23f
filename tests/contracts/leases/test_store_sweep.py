"""How every VimStore replaces silent actions (G7)."""

from __future__ import annotations

import asyncio

from tests.support.sql.stores import (
    LOCK_TIMEOUT_S,
    changes_in,
    elapse,
    newest_event,
    record,
    registration,
    report,
    store_at,
)
from vimesh.domain.events import EventKind, VimEvent
from vimesh.domain.leases import LONGEST_GRACE_S, START_GRACE_S
from vimesh.domain.probing import Reason
from vimesh.domain.vim_store import VimStore
from vimesh.domain.vims import BadAction, Engine, MonitorState, Recorded, Status, Vim

LATE_S = 91.0
"""Longer than the lease that `record_reports` grants, and than the first start grace."""


async def test_a_silent_action_is_replaced_and_hears_bad_action_when_it_comes_back(store: VimStore, vim: Vim) -> None:
    """G7."""
    await record(store, [report(vim, Status.REACHABLE, 5, round_trip_s=0.1)])
    await elapse(store, LATE_S)
    await store.record_lapses(10)
    silent = await store.get(vim.id)

    assert await store.replace_silent(10) == 1

    after = await store.get(vim.id)
    assert after.monitor.action_id != vim.monitor.action_id
    assert (after.status, after.reason, after.detail) == (Status.UNKNOWN, Reason.SILENT, silent.detail)
    assert (after.status_time, after.round_trip_s, after.valid_until) == (silent.status_time, None, None)
    assert (after.monitor.state, after.monitor.contact_time) == (MonitorState.STARTING, None)
    assert (after.etag, after.update_time) == (vim.etag, vim.update_time)
    event = await newest_event(store)
    assert (event.kind, event.revision, event.starts_in(Engine.EMBEDDED)) == (
        EventKind.ACTION_REPLACED,
        after.revision,
        True,
    )
    assert (event.action_id, event.stopped_action_id) == (after.monitor.action_id, vim.monitor.action_id)
    assert (event.previous_status, event.status, event.reason) == (Status.UNKNOWN, Status.UNKNOWN, Reason.SILENT)
    assert (await store.actions_of([vim.id]))[0].observation == 0

    assert await record(store, [report(vim, Status.REACHABLE, 6), report(after, Status.REACHABLE, 1)]) == [
        BadAction(),
        Recorded(Status.REACHABLE),
    ]
    assert await store.replace_silent(10) == 0


async def test_an_action_is_replaced_after_its_silence_was_told(store: VimStore, vim: Vim) -> None:
    """G8: a watcher is not told of UNKNOWN by the way."""
    await record(store, [report(vim, Status.REACHABLE, 5)])
    await elapse(store, LATE_S)

    assert (await store.replace_silent(10), await store.record_lapses(10), await store.replace_silent(10)) == (0, 1, 1)


async def test_who_lives_is_not_replaced(store: VimStore, vim: Vim) -> None:
    other = await store.register(registration())
    await record(store, [report(vim, Status.REACHABLE, 5)])
    await elapse(store, START_GRACE_S - 30)

    assert await store.replace_silent(10) == 0

    await elapse(store, 31)
    assert await store.replace_silent(10) == 1
    assert (await store.get(vim.id)).monitor.action_id == vim.monitor.action_id
    assert (await store.get(other.id)).monitor.action_id != other.monitor.action_id


async def test_a_report_after_the_end_of_the_lease_saves_the_action(store: VimStore, vim: Vim) -> None:
    await record(store, [report(vim, Status.REACHABLE, 5)])
    await elapse(store, LATE_S)
    await record(store, [report(vim, Status.REACHABLE, 5)])

    assert await store.replace_silent(10) == 0


async def test_who_has_been_silent_for_longest_is_replaced_first(store: VimStore) -> None:
    vims = [await store.register(registration()) for _ in range(5)]
    for vim, contact_within_s in zip(vims, (5, 1, 4, 2, 3), strict=True):
        await store.record_reports([report(vim, Status.REACHABLE, 1)], contact_within_s=contact_within_s)
    await elapse(store, LATE_S)
    await store.record_lapses(10)

    assert [
        await store.replace_silent(2),
        await store.replace_silent(2),
        await store.replace_silent(2),
        await store.replace_silent(2),
    ] == [2, 2, 1, 0]

    events = await store.events_after(16, 10)
    assert [event.vim_id for event in events] == [vims[i].id for i in (1, 3, 4, 2, 0)]


async def test_who_was_never_heard_stays_pending_and_is_replaced_ever_more_rarely(store: VimStore, vim: Vim) -> None:
    grace_s = START_GRACE_S
    for _ in range(8):
        await elapse(store, grace_s - 5)
        assert await store.replace_silent(10) == 0
        await elapse(store, 6)
        assert await store.replace_silent(10) == 1
        grace_s = min(2 * grace_s, LONGEST_GRACE_S)

    after = await store.get(vim.id)
    assert (after.status, after.status_time) == (Status.PENDING, vim.status_time)

    await record(store, [report(after, Status.REACHABLE, 1)])
    await elapse(store, LATE_S)
    assert (await store.record_lapses(10), await store.replace_silent(10)) == (1, 1)
    await elapse(store, START_GRACE_S + 1)
    assert await store.replace_silent(10) == 1
    assert (await store.get(vim.id)).status is Status.UNKNOWN


async def test_sweeps_at_once_never_replace_the_same_action_twice(store: VimStore, database_url: str) -> None:
    """G7."""
    vims = [await store.register(registration()) for _ in range(60)]
    await record(store, [report(vim, Status.REACHABLE, 1) for vim in vims])
    await elapse(store, LATE_S)
    await store.record_lapses(100)
    before = await changes_in(store)

    async with store_at(database_url, lock_timeout_s=LOCK_TIMEOUT_S) as other:
        swept = await asyncio.gather(*(each.replace_silent(7) for each in (store, other) * 12))

    assert sum(swept) == 60
    assert await changes_in(store) == before + 60
    events: list[VimEvent] = await store.events_after(before + 1, 100)
    assert {event.stopped_action_id for event in events} == {vim.monitor.action_id for vim in vims}
    wanted = {vim.id: vim.monitor.action_id for vim in await store.vims_after("", 100)}
    assert {event.vim_id: event.action_id for event in events} == wanted


async def test_a_sweep_and_a_report_at_once_leave_one_of_the_two(store: VimStore, database_url: str) -> None:
    """G1: whoever was answered that its report is recorded was wanted then."""
    vims = [await store.register(registration()) for _ in range(30)]
    await record(store, [report(vim, Status.REACHABLE, 1) for vim in vims])
    await elapse(store, LATE_S)
    await store.record_lapses(100)

    async with store_at(database_url, lock_timeout_s=LOCK_TIMEOUT_S) as other:
        answers, swept = await asyncio.gather(
            asyncio.gather(*(record(other, [report(vim, Status.UNREACHABLE, 2)]) for vim in vims)),
            asyncio.gather(*(store.replace_silent(5) for _ in range(6))),
        )

    saved = [vim.id for vim, [said] in zip(vims, answers, strict=True) if not isinstance(said, BadAction)]
    assert len(saved) + sum(swept) == 30
    for vim in vims:
        kept = (await store.get(vim.id)).monitor.action_id == vim.monitor.action_id
        assert kept is (vim.id in saved)
