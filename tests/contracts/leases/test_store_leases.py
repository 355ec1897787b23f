"""What every VimStore says of a status whose lease has ended (G6)."""

from __future__ import annotations

import asyncio
import datetime as dt
from dataclasses import replace

import pytest

from tests.support.sql.stores import changes_in, elapse, record, registration, report
from vimesh.domain.filters.parse_filter import parse_filter
from vimesh.domain.filters.vim_filter import Filter
from vimesh.domain.leases import LONGEST_LEASE_S, START_GRACE_S
from vimesh.domain.probing import Reason
from vimesh.domain.queries import Order, VimQuery
from vimesh.domain.vim_store import VimStore
from vimesh.domain.vims import BadAction, Late, Modification, MonitorState, Status, Unchanged, Vim

LEASE_S = 90.0
"""What `record_reports` grants."""
LATE_S = LEASE_S + 1


async def ids(store: VimStore, text: str) -> set[str]:
    return {vim.id for vim in (await store.list_vims(VimQuery(parse_filter(text)))).vims}


async def test_a_status_reads_unknown_when_its_lease_has_ended_though_nobody_wrote(store: VimStore, vim: Vim) -> None:
    """G6."""
    await store.record_reports([report(vim, Status.REACHABLE, 1, round_trip_s=0.1)], contact_within_s=0.02)
    revision = (await store.span()).newest

    async with asyncio.timeout(20):
        while (await store.get(vim.id)).status is Status.REACHABLE:  # noqa: ASYNC110 - nobody writes: no event comes
            await asyncio.sleep(0.01)

    lapsed = await store.get(vim.id)
    assert (lapsed.status, lapsed.reason, lapsed.round_trip_s) == (Status.UNKNOWN, Reason.SILENT, None)
    assert lapsed.monitor.state is MonitorState.SILENT
    assert lapsed.status_time == lapsed.valid_until
    assert lapsed.valid_until is not None
    assert f"its lease ended at {lapsed.valid_until:%Y-%m-%dT%H:%M:%S}" in lapsed.detail
    assert (await store.span()).newest == lapsed.revision == revision


async def test_a_status_holds_until_the_lease_ends(store: VimStore, vim: Vim) -> None:
    await record(store, [report(vim, Status.UNREACHABLE, 1, reason="TIMEOUT")])

    known = await store.get(vim.id)

    assert known.monitor.contact_time is not None
    assert known.valid_until == known.monitor.contact_time + dt.timedelta(seconds=LEASE_S)
    await elapse(store, LEASE_S - 30)
    assert (await store.get(vim.id)).status is Status.UNREACHABLE
    await elapse(store, 31)
    assert (await store.get(vim.id)).status is Status.UNKNOWN


async def test_every_way_to_read_says_the_same(store: VimStore) -> None:
    silent, living, blind, new = [await store.register(registration()) for _ in range(4)]
    reports = [report(silent, Status.REACHABLE, 1), report(blind, Status.UNKNOWN, 1, reason="LOCAL_NO_ROUTE")]
    await record(store, reports)
    blind_since = (await store.get(blind.id)).status_time
    await elapse(store, LATE_S)
    await record(store, [report(living, Status.REACHABLE, 1)])

    read = {vim.id: vim for vim in await store.vims_after("", 10)}
    assert read == {vim.id: vim for vim in (await store.list_vims(VimQuery())).vims}
    assert read == {vim.id: await store.get(vim.id) for vim in (silent, living, blind, new)}

    assert [read[v.id].status for v in (silent, living, blind, new)] == [
        Status.UNKNOWN,
        Status.REACHABLE,
        Status.UNKNOWN,
        Status.PENDING,
    ]
    assert (read[blind.id].reason, read[blind.id].status_time) == (Reason.SILENT, blind_since)
    assert await ids(store, "status = UNKNOWN") == {silent.id, blind.id}
    assert await ids(store, "status != UNKNOWN") == {living.id, new.id}
    assert await ids(store, "status = REACHABLE") == {living.id}
    assert await ids(store, "status != REACHABLE") == {silent.id, blind.id, new.id}
    assert await ids(store, "status = PENDING") == {new.id}


@pytest.mark.parametrize("descending", [False, True])
async def test_the_order_by_status_time_is_that_of_what_is_shown(store: VimStore, descending: bool) -> None:
    vims = [await store.register(registration()) for _ in range(6)]
    for vim, lease in zip(vims, (50, 20, 40, 10, 30), strict=False):
        await store.record_reports([report(vim, Status.REACHABLE, 1, age_s=60 - lease)], contact_within_s=lease)
    await elapse(store, 100)
    await store.record_lapses(10)
    query = VimQuery(Filter(), Order("status_time", descending=descending), page_size=2)

    shown: list[Vim] = []
    while True:
        page = await store.list_vims(query)
        shown += page.vims
        if not page.next_page_token:
            break
        query = replace(query, page_token=page.next_page_token)

    assert {vim.id for vim in shown} == {vim.id for vim in vims}
    times = [vim.status_time for vim in shown]
    assert times == sorted(times, reverse=descending)


async def test_who_was_never_heard_stays_pending(store: VimStore, vim: Vim) -> None:
    assert (vim.valid_until, vim.monitor.state) == (None, MonitorState.STARTING)

    await elapse(store, START_GRACE_S + 1)

    late = await store.get(vim.id)
    assert (late.status, late.reason, late.valid_until) == (Status.PENDING, "", None)
    assert late.monitor.state is MonitorState.SILENT


async def test_a_contact_that_changes_nothing_is_written_when_two_fifths_of_the_lease_are_gone(
    store: VimStore, vim: Vim
) -> None:
    said = [report(vim, Status.REACHABLE, 5)]
    await record(store, said)
    for passed_s, renewed in ((0.4 * LEASE_S - 5, False), (10, True)):
        await elapse(store, passed_s)
        before = await store.get(vim.id)
        assert await record(store, said) == [Unchanged(Status.REACHABLE)]
        after = await store.get(vim.id)
        assert (after != before) is renewed

    assert after.valid_until is not None
    assert before.valid_until is not None
    assert after.valid_until > before.valid_until
    assert after.valid_until - after.status_time > dt.timedelta(seconds=LEASE_S) - dt.timedelta(seconds=1)
    assert (after.revision, after.status_time) == (before.revision, before.status_time)
    assert await changes_in(store) == 2


async def test_a_late_report_of_the_wanted_action_renews_too_and_another_ones_does_not(
    store: VimStore, vim: Vim
) -> None:
    await record(store, [report(vim, Status.REACHABLE, 5)])
    await elapse(store, LEASE_S - 10)
    before = await store.get(vim.id)

    assert await record(store, [report(vim, Status.UNREACHABLE, 9, action_id="another")]) == [BadAction()]
    assert await store.get(vim.id) == before
    assert await record(store, [report(vim, Status.UNREACHABLE, 4)]) == [Late(Status.REACHABLE, 5)]

    await elapse(store, 11)
    assert (await store.get(vim.id)).status is Status.REACHABLE


async def test_the_first_contact_gives_a_lease_though_the_grace_is_longer(store: VimStore, vim: Vim) -> None:
    await store.record_reports([report(vim, Status.REACHABLE)], contact_within_s=1)

    known = await store.get(vim.id)
    assert known.valid_until is not None
    assert known.valid_until - known.status_time == dt.timedelta(seconds=3)


@pytest.mark.parametrize("settled", [True, False])
async def test_a_clock_that_was_set_back_keeps_no_status_for_longer(store: VimStore, vim: Vim, settled: bool) -> None:
    """G6: the next contact gives a lease by the clock as it is now, the longest that there is."""
    await record(store, [report(vim, Status.REACHABLE, 5)])
    await elapse(store, -86400)

    said = report(vim, Status.REACHABLE, 5) if settled else report(vim, Status.UNREACHABLE, 4)
    await record(store, [said])

    known = await store.get(vim.id)
    assert known.monitor.contact_time is not None
    assert known.valid_until == known.monitor.contact_time + dt.timedelta(seconds=LONGEST_LEASE_S)
    await elapse(store, LONGEST_LEASE_S + 1)
    assert (await store.get(vim.id)).status is Status.UNKNOWN


async def test_a_pace_that_fell_makes_no_lease_shorter(store: VimStore, vim: Vim) -> None:
    """Other stores count on what they know of it."""
    await record(store, [report(vim, Status.REACHABLE, 5)])
    before = await store.get(vim.id)

    for said in (report(vim, Status.REACHABLE, 5), report(vim, Status.UNREACHABLE, 6)):
        await store.record_reports([said], contact_within_s=5)

    after = await store.get(vim.id)
    assert (after.status, after.valid_until) == (Status.UNREACHABLE, before.valid_until)


async def test_a_new_target_comes_with_a_new_start_grace(store: VimStore, vim: Vim) -> None:
    await record(store, [report(vim, Status.REACHABLE, 5)])
    await elapse(store, LATE_S)

    after = await store.modify(vim.id, Modification(auth_url="http://192.0.2.9/"))

    assert (after.status, after.valid_until, after.monitor.state) == (Status.PENDING, None, MonitorState.STARTING)
    assert await store.replace_silent(10) == 0


async def test_the_clock_and_the_number_of_vims_are_the_databases(store: VimStore, vim: Vim) -> None:
    assert vim.create_time <= await store.clock() <= vim.create_time + dt.timedelta(seconds=30)
    assert await store.count_vims() == 1
