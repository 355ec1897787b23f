"""Whether a VIM is in maintenance follows from spans that were written ahead, and from the clock of the database."""

from __future__ import annotations

import asyncio
import datetime as dt
import uuid
from dataclasses import replace

import pytest

from tests.support.sql.maintenance import hours, keep_up, new_window, pass_time, spans, told
from tests.support.sql.stores import LOCK_TIMEOUT_S, record, registration, report, store_at
from vimesh.domain.access.caller import ALL_ENGINES, Caller, CallerRole
from vimesh.domain.errors import BadInput, FilterInvalid, PageTokenInvalid, RequestIdReused, VimNotFound
from vimesh.domain.events import EventKind
from vimesh.domain.filters.parse_filter import parse_filter
from vimesh.domain.maintenance.maintenance_windows import MAX_OPEN_OF_PROJECT, WindowState
from vimesh.domain.maintenance.window_errors import TooManyWindows, WindowNotFound
from vimesh.domain.queries import VimQuery
from vimesh.domain.vim_store import VimStore
from vimesh.domain.vims import Modification, Status, Vim

STARTED, ENDED = EventKind.MAINTENANCE_STARTED, EventKind.MAINTENANCE_ENDED
MEMBER = Caller("member", frozenset({CallerRole.OPERATOR}), frozenset({"blue"}), ALL_ENGINES)
LAB = 'name = "lab*"'


async def test_a_vim_is_in_maintenance_from_the_start_to_the_end(store: VimStore, vim: Vim) -> None:
    start = await store.clock() + hours(1)
    window = (await store.maintenance.create(new_window(vim_ids=[vim.id], start=start))).window
    assert (window.state, (await store.get(vim.id)).maintenance) == (WindowState.SCHEDULED, None)

    # Nothing runs meanwhile: the spans are there.
    await pass_time(store, hours(1.01))

    shown = await store.get(vim.id)
    assert shown.maintenance is not None
    assert (shown.maintenance.window_id, shown.maintenance.reason) == (window.id, "a new kernel")
    now = await store.maintenance.get(window.id)
    assert now.occurrence is not None
    assert shown.maintenance.end_time == now.occurrence.end
    assert now.state is WindowState.ACTIVE
    assert (await store.list_vims(VimQuery())).vims == [shown] == await store.vims_after("", 10)
    assert await store.modify(vim.id, Modification(description="x")) == await store.get(vim.id)
    assert (await store.get(vim.id)).maintenance == shown.maintenance

    await pass_time(store, hours(2))

    assert (await store.get(vim.id)).maintenance is None
    assert (await store.maintenance.get(window.id)).state is WindowState.ENDED


async def test_watchers_are_told_of_start_and_end_once(store: VimStore, database_url: str, vim: Vim) -> None:
    """G8: of conductors that look at once, one tells."""
    window = (await store.maintenance.create(new_window(vim_ids=[vim.id]))).window
    async with store_at(database_url, lock_timeout_s=LOCK_TIMEOUT_S) as other:
        await asyncio.gather(*(each.maintenance.keep_up(10) for each in (store, other) * 5))
        shown = await store.get(vim.id)
        await pass_time(store, hours(3))
        await asyncio.gather(*(each.maintenance.keep_up(10) for each in (store, other) * 5))

    begin, end = await told(store, vim.id)
    assert (begin.kind, end.kind) == (STARTED, ENDED)
    assert (begin.maintenance, end.maintenance) == (shown.maintenance, None)
    assert begin.maintenance is not None
    assert begin.maintenance.window_id == window.id
    assert (begin.status, begin.previous_status, begin.vim) == (Status.PENDING, Status.PENDING, None)
    assert (begin.revision, end.revision) == (shown.revision, (await store.get(vim.id)).revision)
    assert not await store.maintenance.keep_up(10)


@pytest.mark.parametrize(("text", "names"), [("maintenance = true", {"lab-a"}), ("maintenance != true", {"office"})])
async def test_a_filter_finds_vims_in_maintenance(store: VimStore, text: str, names: set[str]) -> None:
    for name in ("lab-a", "office"):
        await store.register(registration(name=name))
    await store.maintenance.create(new_window(LAB))
    vim_filter = parse_filter(text)

    for query in (VimQuery(vim_filter), VimQuery(parse_filter(f"{text} AND status = PENDING"))):
        assert {vim.name for vim in (await store.list_vims(query)).vims} == names
    every = (await store.list_vims(VimQuery())).vims
    seen = await store.filters.filterable_vims([vim.id for vim in every])
    assert {vim.name for vim in seen.values() if vim_filter.matches(vim)} == names


async def test_reports_go_on_and_are_true_in_maintenance(store: VimStore, vim: Vim) -> None:
    await store.maintenance.create(new_window(vim_ids=[vim.id]))
    await keep_up(store)

    await record(store, [report(vim, Status.UNREACHABLE, 1, reason="TIMEOUT")])

    shown = await store.get(vim.id)
    assert shown.status is Status.UNREACHABLE
    assert shown.maintenance is not None


async def test_vims_come_and_go_while_a_window_is_open(store: VimStore) -> None:
    stays, leaves = [await store.register(registration(name=f"lab-{n}")) for n in "ab"]
    await store.register(registration(name="office"))
    window = (await store.maintenance.create(new_window(LAB))).window
    await keep_up(store)
    await pass_time(store, hours(1))

    comes = await store.register(registration(name="lab-c"))
    left = await store.modify(leaves.id, Modification(name="moved"))
    await pass_time(store, dt.timedelta(seconds=10))
    await keep_up(store)

    assert {vim.name for vim in await store.vims_after("", 10) if vim.maintenance} == {"lab-a", "lab-c"}
    # As if it had been seen to at once: of the time of the change, not of now.
    [(_, _, start, end)] = await spans(store, comes.id)
    assert start == _micros(comes.create_time - dt.timedelta(seconds=10))
    [(_, _, start, until)] = await spans(store, leaves.id)
    assert until == _micros(left.update_time - dt.timedelta(seconds=10))
    assert [event.kind for event in await told(store, comes.id)] == [STARTED]
    assert [event.kind for event in await told(store, leaves.id)] == [STARTED, ENDED]

    back = await store.modify(leaves.id, Modification(name="lab-d"))
    await store.deregister(stays.id)
    await keep_up(store)

    assert (await store.get(leaves.id)).maintenance is not None
    assert [(start, until) for _, _, start, until in await spans(store, leaves.id)] == [
        (start, until),
        (_micros(back.update_time), end),
    ]
    [(_, window_id, start, end_of_gone)] = await spans(store, stays.id)
    assert window_id == window.id
    assert start < end_of_gone < end
    assert [event.kind for event in await told(store, stays.id)] == [STARTED]
    again = await store.register(registration(name="lab-a", vim_id=stays.id))
    await keep_up(store)
    assert [start for *_, start, _ in await spans(store, stays.id)][1] == _micros(again.create_time)


async def test_overlapping_windows_count_each(store: VimStore) -> None:
    short = (await store.maintenance.create(new_window(LAB, vim_ids=()))).window
    [vim_id] = [(await store.register(registration(name="lab"))).id]
    long = (await store.maintenance.create(new_window(vim_ids=[vim_id], duration=hours(5), reason="disks"))).window
    await keep_up(store)

    shown = (await store.get(vim_id)).maintenance
    assert shown is not None
    assert shown.window_id == long.id
    await pass_time(store, hours(3))
    await keep_up(store)
    assert (await store.get(vim_id)).maintenance is not None
    await store.maintenance.end(long.id)
    await keep_up(store)

    assert (await store.get(vim_id)).maintenance is None
    after = [(event.kind, event.maintenance and event.maintenance.window_id) for event in await told(store, vim_id)]
    assert sorted(after[:2], key=str) == sorted([(STARTED, long.id), (STARTED, long.id)], key=str)
    assert after[2:] == [(ENDED, long.id), (ENDED, None)]
    assert short.id != long.id


async def test_a_window_that_is_ended_keeps_its_past(store: VimStore, vim: Vim) -> None:
    window = (await store.maintenance.create(new_window(vim_ids=[vim.id], rule="FREQ=DAILY;COUNT=3"))).window
    await keep_up(store)
    # Turns are planned for a day. The second one begins at its last instant, or just after it: it is looked at later.
    await pass_time(store, hours(1))
    await keep_up(store)
    assert len(await spans(store)) == 2

    ended = await store.maintenance.end(window.id)

    assert (ended.state, ended.occurrence) == (WindowState.ENDED, None)
    assert ended.ended_time is not None
    assert (await store.get(vim.id)).maintenance is None
    [(*_, start, end)] = await spans(store)
    assert end == _micros(ended.ended_time)
    assert end - start >= hours(1) / dt.timedelta(microseconds=1)
    await keep_up(store)
    assert [event.kind for event in await told(store, vim.id)] == [STARTED, ENDED]
    assert await store.maintenance.end(window.id) == ended
    await store.register(registration(name="other", vim_id=str(uuid.uuid4())))
    await keep_up(store)
    assert len(await spans(store)) == 1
    assert await store.maintenance.list_windows(10, "") == ([], "")
    assert await store.maintenance.list_windows(10, "", ended=True) == ([ended], "")


async def test_what_nobody_ran_for_is_made_up_for(store: VimStore) -> None:
    """All conductors were killed before the window, and are back after it began; others were never told of it."""
    lab = await store.register(registration(name="lab"))
    start = await store.clock() + hours(30)
    await store.maintenance.create(new_window(LAB, start=start))
    await store.maintenance.create(new_window(LAB, start=start - hours(29), duration=hours(1), reason="short"))
    await pass_time(store, hours(31))
    late = await store.register(registration(name="lab-2"))

    await keep_up(store)

    [*_, (_, _, begin, _)] = await spans(store, lab.id)
    assert begin == _micros(start - hours(31))
    assert [event.kind for event in await told(store, lab.id)] == [STARTED]
    assert (await store.get(lab.id)).maintenance is not None
    [(_, _, begin, _)] = await spans(store, late.id)
    assert begin == _micros(late.create_time)


async def test_spans_follow_though_the_log_was_compacted(store: VimStore) -> None:
    from vimesh.domain.retention import Retention  # noqa: PLC0415 - for this test only

    stays, gone = [await store.register(registration(name=f"lab-{n}")) for n in "ab"]
    leaves = await store.register(registration(name="lab-c"))
    await store.maintenance.create(new_window(LAB))
    await keep_up(store)
    await store.deregister(gone.id)
    await store.modify(leaves.id, Modification(name="moved"))
    comes = await store.register(registration(name="lab-d"))
    await store.register(registration(name="other"))
    while await store.compact(replace(Retention(), events=1), 100):
        pass

    await keep_up(store)

    assert {vim.name for vim in await store.vims_after("", 10) if vim.maintenance} == {"lab-a", "lab-d"}
    assert [len(await spans(store, vim.id)) for vim in (stays, gone, leaves, comes)] == [1, 1, 1, 1]
    assert not await store.maintenance.keep_up(10)
    assert [event.kind for event in await told(store, leaves.id)][-1:] == [ENDED]


async def test_events_come_in_batches(store: VimStore) -> None:
    vims = [await store.register(registration(name=f"lab-{n}")) for n in range(7)]
    created = await store.maintenance.create(new_window(LAB))
    assert created.vim_count == 7

    assert [await store.maintenance.keep_up(3) for _ in range(3)] == [True, True, False]

    assert [len(await told(store, vim.id)) for vim in vims] == [1] * 7


async def test_a_project_has_windows_of_its_own(store: VimStore) -> None:
    blue, red = [await store.register(registration(name="lab", project_id=project)) for project in ("blue", "red")]
    own = (await store.maintenance.create(new_window(LAB, project_id="blue"), MEMBER)).window
    of_all = (await store.maintenance.create(new_window("name:lab"))).window
    await store.maintenance.end(of_all.id)

    assert (await store.get(blue.id)).maintenance is not None
    assert (await store.get(red.id)).maintenance is None
    assert (own.creator, own.coverage.project_id) == ("member", "blue")
    assert await store.maintenance.list_windows(10, "", MEMBER, ended=True) == ([own], "")
    assert len((await store.maintenance.list_windows(10, "", ended=True))[0]) == 2
    with pytest.raises(WindowNotFound):
        await store.maintenance.get(of_all.id, MEMBER)
    with pytest.raises(WindowNotFound):
        await store.maintenance.end(of_all.id, MEMBER)
    for vim_id in (red.id, str(uuid.uuid4())):
        with pytest.raises(VimNotFound):
            await store.maintenance.create(new_window(vim_ids=[vim_id], project_id="blue"), MEMBER)


async def test_a_request_that_is_repeated_creates_one_window(store: VimStore, vim: Vim) -> None:
    new = new_window(vim_ids=[vim.id], request_id=str(uuid.uuid4()))
    first = await store.maintenance.create(new)
    assert await store.maintenance.create(new) == first
    with pytest.raises(RequestIdReused):
        await store.maintenance.create(replace(new, reason="another"))
    # The id is that of this caller only.
    assert (
        await store.maintenance.create(replace(new, coverage=replace(new.coverage, project_id="")), _other())
    ) != first

    seen = await store.maintenance.create(replace(new, request_id=""), validate_only=True)

    assert (seen.window.id, seen.vim_count) == ("", 1)
    assert len((await store.maintenance.list_windows(10, ""))[0]) == 2


async def test_windows_come_in_pages(store: VimStore) -> None:
    made = [(await store.maintenance.create(new_window(LAB, reason=str(n)))).window.id for n in range(5)]
    pages, token = [], ""
    while True:
        page, token = await store.maintenance.list_windows(2, token)
        pages.append([window.id for window in page])
        if not token:
            break
    assert [window_id for page in pages for window_id in page] == made[::-1]
    assert list(map(len, pages)) == [2, 2, 1]
    with pytest.raises(PageTokenInvalid):
        await store.maintenance.list_windows(2, "bad")


async def test_what_cannot_be_planned_is_refused(store: VimStore, vim: Vim) -> None:
    now = await store.clock()
    for bad in (
        new_window(),
        new_window(LAB, vim_ids=[vim.id]),
        new_window(LAB, start=now - hours(1)),
        new_window(LAB, start=now + hours(24 * 3000)),
        new_window(LAB, end=now - hours(1)),
        new_window(LAB, end=now + hours(1), duration=hours(1)),
        new_window(LAB, duration=hours(24 * 400)),
        new_window(LAB, rule="FREQ=SECONDLY"),
        new_window(LAB, rule="FREQ=DAILY;UNTIL=20200101"),
        new_window(LAB, rule="FREQ=DAILY", duration=hours(24 * 32)),
        new_window(LAB, time_zone="../../etc/passwd"),
    ):
        with pytest.raises(BadInput):
            await store.maintenance.create(bad)
    for text in ("status = REACHABLE", "name = ", "reason = TIMEOUT AND name = lab"):
        with pytest.raises(FilterInvalid):
            await store.maintenance.create(new_window(text))


async def test_a_project_has_so_many_windows(store: VimStore) -> None:
    for _ in range(MAX_OPEN_OF_PROJECT):
        last = await store.maintenance.create(new_window(LAB, project_id="blue"))
    with pytest.raises(TooManyWindows):
        await store.maintenance.create(new_window(LAB, project_id="blue"))
    await store.maintenance.create(new_window(LAB, project_id="red"))

    await store.maintenance.end(last.window.id)
    await keep_up(store)

    await store.maintenance.create(new_window(LAB, project_id="blue"))


async def test_old_windows_are_forgotten(store: VimStore, vim: Vim) -> None:
    await store.maintenance.create(new_window(vim_ids=[vim.id]))
    await keep_up(store)
    await pass_time(store, hours(3))
    await keep_up(store)
    assert await store.maintenance.forget(10) == 0
    await pass_time(store, hours(24 * 401))

    assert await store.maintenance.forget(10) == 1

    assert await spans(store) == []
    assert await store.maintenance.list_windows(10, "", ended=True) == ([], "")


def _other() -> Caller:
    return Caller("other", frozenset({CallerRole.ADMIN}), None, ALL_ENGINES)


def _micros(time: dt.datetime) -> int:
    return (time - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(microseconds=1)
