"""How every VimStore puts silences on record, and what comes after them (G8)."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

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
from vimesh.domain.events import EventKind
from vimesh.domain.probing import Reason
from vimesh.domain.vim_store import VimStore
from vimesh.domain.vims import Late, Modification, MonitorState, Recorded, Status, Unchanged, Vim

LEASE_S = 90.0
"""What `record_reports` grants."""
LATE_S = LEASE_S + 1


async def test_a_silence_becomes_a_change_of_its_own(store: VimStore) -> None:
    """G8: what is read without anybody's doing is told as well."""
    vims = [await store.register(registration()) for _ in range(4)]
    await record(
        store,
        [
            report(vims[0], Status.REACHABLE, 1, round_trip_s=0.1),
            report(vims[1], Status.UNREACHABLE, 1, reason="TIMEOUT", detail="no answer"),
            report(vims[2], Status.UNKNOWN, 1, reason="LOCAL_NO_ROUTE"),
        ],
    )
    assert await store.record_lapses(10) == 0
    revision = (await store.span()).newest
    await elapse(store, LATE_S)
    read = [await store.get(vim.id) for vim in vims]

    assert [await store.record_lapses(2), await store.record_lapses(2), await store.record_lapses(2)] == [2, 1, 0]

    events = {event.vim_id: event for event in await store.events_after(revision, 10)}
    assert [events[vim.id].kind for vim in vims[:3]] == [
        EventKind.STATUS_CHANGED,
        EventKind.STATUS_CHANGED,
        EventKind.REASON_CHANGED,
    ]
    assert [events[vim.id].previous_status for vim in vims[:3]] == [
        Status.REACHABLE,
        Status.UNREACHABLE,
        Status.UNKNOWN,
    ]
    for vim in read[:3]:
        event = events[vim.id]
        assert (event.status, event.reason, event.detail) == (Status.UNKNOWN, Reason.SILENT, vim.detail)
        assert (event.action_id, event.stopped_action_id) == (vim.monitor.action_id, "")
        # Whoever reads sees what it saw before.
        assert await store.get(vim.id) == replace(vim, revision=event.revision)
    assert await store.get(vims[3].id) == read[3]


async def test_conductors_that_tell_of_silences_at_once_tell_of_each_once(store: VimStore, database_url: str) -> None:
    """G8."""
    vims = [await store.register(registration()) for _ in range(60)]
    await record(store, [report(vim, Status.REACHABLE, 1) for vim in vims])
    before = await changes_in(store)
    await elapse(store, LATE_S)

    async with store_at(database_url, lock_timeout_s=LOCK_TIMEOUT_S) as other:
        told = await asyncio.gather(*(each.record_lapses(7) for each in (store, other) * 12))

    assert sum(told) == 60
    assert await changes_in(store) == before + 60


@pytest.mark.parametrize("written", [True, False])
@pytest.mark.parametrize(
    ("said", "kind"),
    [
        (("REACHABLE", 5, ""), EventKind.STATUS_CHANGED),
        (("REACHABLE", 6, ""), EventKind.STATUS_CHANGED),
        (("REACHABLE", 0, ""), EventKind.STATUS_CHANGED),
        (("UNREACHABLE", 6, "TIMEOUT"), EventKind.STATUS_CHANGED),
        (("UNKNOWN", 6, "LOCAL_NO_ROUTE"), EventKind.REASON_CHANGED),
    ],
)
async def test_the_end_of_a_silence_is_told_after_its_begin(
    store: VimStore, vim: Vim, said: tuple[str, int, str], kind: EventKind, written: bool
) -> None:
    """G8: who has read UNKNOWN hears that it is over, also from an action that only repeats itself."""
    await record(store, [report(vim, Status.REACHABLE, 5)])
    revision = (await store.span()).newest
    await elapse(store, LATE_S)
    if written:
        await store.record_lapses(10)
    status, observation, why = said

    assert await record(store, [report(vim, Status(status), observation, reason=why)]) == [Recorded(Status(status))]

    begin, end = await store.events_after(revision, 10)
    assert (begin.kind, begin.previous_status) == (EventKind.STATUS_CHANGED, Status.REACHABLE)
    assert (begin.status, begin.reason) == (Status.UNKNOWN, Reason.SILENT)
    assert (end.kind, end.previous_status, end.status, end.reason) == (kind, Status.UNKNOWN, status, why)
    after = await store.get(vim.id)
    assert (after.revision, after.status, after.reason) == (end.revision, end.status, end.reason)
    assert after.monitor.state is MonitorState.RUNNING
    assert await store.record_lapses(10) == 0
    assert await record(store, [report(vim, Status(status), observation, reason=why)]) == [Unchanged(Status(status))]


@pytest.mark.parametrize("written", [True, False])
async def test_a_late_report_after_a_silence_saves_the_action_and_says_nothing_of_the_vim(
    store: VimStore, vim: Vim, written: bool
) -> None:
    """G5."""
    await record(store, [report(vim, Status.REACHABLE, 5)])
    await elapse(store, LATE_S)
    if written:
        await store.record_lapses(10)

    assert await record(store, [report(vim, Status.UNREACHABLE, 4)]) == [Late(Status.UNKNOWN, 5)]

    after = await store.get(vim.id)
    assert (after.status, after.reason, after.monitor.state) == (Status.UNKNOWN, Reason.SILENT, MonitorState.RUNNING)
    assert (await newest_event(store)).revision == after.revision == vim.revision + 2
    assert (await store.record_lapses(10), await store.replace_silent(10)) == (0, 0)
    assert await record(store, [report(vim, Status.REACHABLE, 5)]) == [Recorded(Status.REACHABLE)]

    await record(store, [report(vim, Status.REACHABLE, 6)])
    await elapse(store, LATE_S)
    assert (await store.record_lapses(10), await store.replace_silent(10)) == (1, 1)


async def test_changes_by_people_come_after_the_silence_and_leave_the_lease(store: VimStore, vim: Vim) -> None:
    await record(store, [report(vim, Status.REACHABLE, 5)])
    revision = (await store.span()).newest
    await elapse(store, LATE_S)

    after = await store.modify(vim.id, Modification(name="renamed"))

    assert after == await store.get(vim.id)
    silence, modified = await store.events_after(revision, 10)
    assert (silence.kind, silence.status, silence.previous_status) == (
        EventKind.STATUS_CHANGED,
        Status.UNKNOWN,
        Status.REACHABLE,
    )
    assert (modified.vim, modified.status, modified.previous_status) == (after, Status.UNKNOWN, Status.UNKNOWN)
    assert await record(store, [report(vim, Status.REACHABLE, 5)]) == [Recorded(Status.REACHABLE)]
    await elapse(store, LATE_S)
    last = await store.get(vim.id)
    await store.deregister(vim.id)
    gone = await newest_event(store)
    assert gone.vim == replace(last, revision=gone.revision)
    assert (gone.status, gone.previous_status) == (Status.UNKNOWN, Status.UNKNOWN)
