"""What every VimStore does with reports."""

from __future__ import annotations

import asyncio
import datetime as dt

import pytest

from tests.support.sql.stores import changes_in, newest_event, record, registration, report
from vimesh.domain.events import EventKind
from vimesh.domain.vim_store import VimStore
from vimesh.domain.vims import (
    BadAction,
    Late,
    Modification,
    MonitorState,
    Recorded,
    Status,
    Unchanged,
    Vim,
)


async def test_the_wanted_action_writes_the_status(store: VimStore, vim: Vim) -> None:
    """G1, G2."""
    said = report(vim, Status.UNREACHABLE, 1, reason="HTTP_503", detail="Service Unavailable", round_trip_s=0.25)

    assert await record(store, [said]) == [Recorded(Status.UNREACHABLE)]

    after = await store.get(vim.id)
    assert (after.status, after.reason, after.detail) == (Status.UNREACHABLE, "HTTP_503", "Service Unavailable")
    assert (after.round_trip_s, after.monitor.state) == (0.25, MonitorState.RUNNING)
    assert after.monitor.contact_time == after.status_time >= vim.status_time
    assert (after.etag, after.update_time) == (vim.etag, vim.update_time)
    event = await newest_event(store)
    assert (event.kind, event.revision, event.vim) == (EventKind.STATUS_CHANGED, after.revision, None)
    assert (event.previous_status, event.status, event.reason) == (Status.PENDING, Status.UNREACHABLE, "HTTP_503")


async def test_anybody_else_is_told_to_stop(store: VimStore, vim: Vim) -> None:
    """G1, G4."""
    gone = await store.register(registration())
    await store.deregister(gone.id)

    said = [report(vim, action_id="another"), report(gone), report(vim, vim_id="never"), report(vim)]

    assert await record(store, said) == [BadAction(), BadAction(), BadAction(), Recorded(Status.REACHABLE)]


async def test_a_late_report_overwrites_nothing(store: VimStore, vim: Vim) -> None:
    """G5."""
    await record(store, [report(vim, Status.UNREACHABLE, 5, reason="TIMEOUT")])
    before = await store.get(vim.id)

    late = Late(Status.UNREACHABLE, 5)
    assert await record(store, [report(vim, Status.REACHABLE, 4)]) == [late]
    assert await record(store, [report(vim, Status.REACHABLE, 5)]) == [late]
    assert await record(store, [report(vim, Status.UNREACHABLE, 5, reason="TIMEOUT")]) == [
        Unchanged(Status.UNREACHABLE),
    ]

    assert await store.get(vim.id) == before


async def test_a_newer_observation_of_the_same_is_kept_without_an_event(store: VimStore, vim: Vim) -> None:
    await record(store, [report(vim, Status.REACHABLE, 1, round_trip_s=0.1)])
    before = await store.get(vim.id)

    assert await record(store, [report(vim, Status.REACHABLE, 2, round_trip_s=0.2)]) == [Recorded(Status.REACHABLE)]

    after = await store.get(vim.id)
    assert (after.revision, after.status_time, after.round_trip_s) == (before.revision, before.status_time, 0.2)
    assert (await store.actions_of([vim.id]))[0].observation == 2
    assert await changes_in(store) == 2


async def test_another_reason_is_a_change_that_moves_no_status_time(store: VimStore, vim: Vim) -> None:
    await record(store, [report(vim, Status.UNREACHABLE, 1, reason="TIMEOUT")])
    before = await store.get(vim.id)

    await record(store, [report(vim, Status.UNREACHABLE, 2, reason="REFUSED", age_s=60)])

    after = await store.get(vim.id)
    assert (after.reason, after.status_time) == ("REFUSED", before.status_time)
    assert (await newest_event(store)).kind is EventKind.REASON_CHANGED


async def test_the_age_of_an_observation_is_taken_off_the_databases_clock(store: VimStore, vim: Vim) -> None:
    await record(store, [report(vim, Status.REACHABLE, 1, age_s=90)])

    after = await store.get(vim.id)
    assert after.monitor.contact_time is not None
    assert after.monitor.contact_time - after.status_time == dt.timedelta(seconds=90)


@pytest.mark.parametrize("age_s", [1e13, float("inf"), -5.0])
async def test_an_absurd_age_leaves_a_date_that_can_be_read(store: VimStore, vim: Vim, age_s: float) -> None:
    await record(store, [report(vim, Status.REACHABLE, 1, age_s=age_s)])

    assert (await store.get(vim.id)).status_time.year > 1970


@pytest.mark.parametrize("observation", [2**31, 2**63 - 1, 2**63, 2**64 - 1])
async def test_observations_are_whole_64_bits(store: VimStore, vim: Vim, observation: int) -> None:
    await record(store, [report(vim, Status.UNREACHABLE, observation, reason="DNS")])

    assert (await store.actions_of([vim.id]))[0].observation == observation
    assert await record(store, [report(vim, Status.REACHABLE, 1)]) == [Late(Status.UNREACHABLE, observation)]


async def test_an_uncounted_report_leaves_the_count(store: VimStore, vim: Vim) -> None:
    await record(store, [report(vim, Status.UNREACHABLE, 9)])

    assert await record(store, [report(vim, Status.REACHABLE, 0)]) == [Recorded(Status.REACHABLE)]

    assert (await store.actions_of([vim.id]))[0].observation == 9


async def test_reports_on_one_vim_in_one_call_are_judged_one_after_the_other(store: VimStore, vim: Vim) -> None:
    said = [
        report(vim, Status.REACHABLE, 1),
        report(vim, Status.UNREACHABLE, 3, reason="RESET"),
        report(vim, Status.REACHABLE, 2),
        report(vim, Status.UNREACHABLE, 3, reason="RESET"),
        report(vim, Status.REACHABLE, 9, action_id="old"),
        report(vim, Status.REACHABLE, 4),
    ]

    assert await record(store, said) == [
        Recorded(Status.REACHABLE),
        Recorded(Status.UNREACHABLE),
        Late(Status.UNREACHABLE, 3),
        Unchanged(Status.UNREACHABLE),
        BadAction(),
        Recorded(Status.REACHABLE),
    ]
    events = await store.events_after(vim.revision, 10)
    assert [(event.previous_status, event.status) for event in events] == [
        (Status.PENDING, Status.REACHABLE),
        (Status.REACHABLE, Status.UNREACHABLE),
        (Status.UNREACHABLE, Status.REACHABLE),
    ]
    assert (await store.get(vim.id)).revision == events[-1].revision


async def test_no_reports_have_no_outcomes(store: VimStore) -> None:
    assert await record(store, []) == []


async def test_stale_and_good_reports_at_once_each_get_their_own_answer(store: VimStore) -> None:
    vims = [await store.register(registration()) for _ in range(20)]
    calls = [
        report(vim, Status.REACHABLE, 1, action_id="stale") if i % 2 else report(vim) for i, vim in enumerate(vims)
    ]

    said = await asyncio.gather(*(record(store, [call]) for call in calls))

    assert said == [[BadAction()] if i % 2 else [Recorded(Status.REACHABLE)] for i in range(20)]
    assert [(await store.get(vim.id)).status for vim in vims] == [Status.REACHABLE, Status.PENDING] * 10


async def test_three_thousand_calls_at_once_are_all_answered(store: VimStore) -> None:
    vims = [await store.register(registration()) for _ in range(30)]

    said = await asyncio.gather(*(record(store, [report(vims[i % 30], Status.REACHABLE, i + 1)]) for i in range(3000)))

    assert said == [[Recorded(Status.REACHABLE)]] * 3000
    assert await changes_in(store) == 60
    assert [action.observation for action in await store.actions_of([vims[29].id])] == [3000]


async def test_a_cancelled_caller_takes_nobody_along(store: VimStore, vim: Vim) -> None:
    calls = [asyncio.ensure_future(record(store, [report(vim, Status.REACHABLE, i)])) for i in range(1, 40)]
    await asyncio.sleep(0)
    for call in calls[::2]:
        call.cancel()

    said = await asyncio.gather(*calls, return_exceptions=True)

    assert all(isinstance(outcome, asyncio.CancelledError) for outcome in said[::2])
    assert said[1::2] == [[Recorded(Status.REACHABLE)]] * len(said[1::2])
    assert await record(store, [report(vim, Status.UNREACHABLE, 50)]) == [Recorded(Status.UNREACHABLE)]


async def test_a_cancelled_change_is_whole_or_nothing(store: VimStore, vim: Vim) -> None:
    for turns in range(6):
        change = asyncio.ensure_future(store.modify(vim.id, Modification(name=f"n{turns}")))
        for _ in range(turns):
            await asyncio.sleep(0)
        change.cancel()
        await asyncio.wait([change])

    after = await store.modify(vim.id, Modification(name="last"))
    events = await store.events_after(1, 100)
    assert [event.revision for event in events] == list(range(2, after.revision + 1))
    assert events[-1].vim == after
