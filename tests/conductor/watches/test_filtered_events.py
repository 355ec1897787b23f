"""Watchers with a filter know which VIMs match, whatever happens, and each change is decided once for all of them."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path

import pytest

from tests.support.sql.maintenance import new_window
from tests.support.sql.random_filters import random_certificate, random_filter, register_varied_vims
from tests.support.sql.stores import elapse, record, registration, report, sqlite_url, store_at
from vimesh.conductor.watches import filtered_events
from vimesh.conductor.watches.filtered_events import FilteredEvents
from vimesh.domain.conditions.conditions import Condition, ConditionStatus
from vimesh.domain.errors import VimeshError
from vimesh.domain.events import EventKind, VimEvent
from vimesh.domain.filters.parse_filter import parse_filter
from vimesh.domain.filters.vim_filter import Filter
from vimesh.domain.vim_conditions.condition_reports import ConditionReport
from vimesh.domain.vims import Engine, Modification, Status, Vim
from vimesh.store.sql_store import SqlStore

_REASONS = ("", "TIMEOUT", "REFUSED")


@pytest.fixture
async def store(tmp_path: Path) -> AsyncGenerator[SqlStore]:
    async with store_at(sqlite_url(tmp_path / "vimesh.sqlite")) as opened:
        yield opened


async def change_something(store: SqlStore, chance: random.Random, vims: Sequence[Vim]) -> None:
    """Change one VIM at random."""
    vim = await store.get(chance.choice(vims).id)
    modification = chance.choice(
        (
            Modification(labels=chance.choice(({}, {"region": "eu"}, {"region": "us", "empty": ""}))),
            Modification(name=f"{vim.name[:3]}{chance.randrange(10**6)}"),
            Modification(type=chance.choice(("openstack", "kubernetes"))),
            Modification(engine=chance.choice(list(Engine))),
            Modification(auth_url=f"http://10.0.0.{chance.randrange(9)}/"),
            Modification(description=str(chance.random())),
        )
    )
    match chance.randrange(11):
        case 0:
            await store.deregister(vim.id)
        case 1:
            await store.register(registration(labels=dict(vim.labels), project_id=vim.project_id))
        case 2 | 3:
            await store.modify(vim.id, modification)
        case 4:
            window = (await store.maintenance.create(new_window(vim_ids=[vim.id]))).window
            if chance.random() < 0.5:
                await store.maintenance.keep_up(1000)
                await store.maintenance.end(window.id)
        case 5 | 6:
            states = list(ConditionStatus)
            types = ("ServiceReady", "CertificateValid", "Endpoint/compute")
            conditions = tuple(Condition(type_, chance.choice(states), "", "") for type_ in types)
            certificate = random_certificate(3 * chance.randrange(9) + 1, await store.clock())
            seen = ConditionReport(vim.id, vim.monitor.action_id, conditions, chance.choice((None, certificate)))
            await store.conditions.record([seen])
        case _:
            status = chance.choice(list(Status)[1:])
            fields = {"reason": chance.choice(_REASONS), "age_s": chance.random()}
            await record(store, [report(vim, status, chance.randrange(2**40), **fields)], contact_within_s=1e6)


def apply(events: Sequence[VimEvent], matching: set[str]) -> None:
    """Do what a client does with the changes of a watch."""
    for event in events:
        if event.filtered_out or event.kind is EventKind.DEREGISTERED:
            matching.discard(event.vim_id)
        else:
            matching.add(event.vim_id)


async def matching_now(store: SqlStore, vim_filter: Filter) -> set[str]:
    return {vim.id for vim in await store.vims_after("", 1000) if vim_filter.matches(vim)}


@pytest.mark.parametrize("seed", range(2))
async def test_who_watches_knows_what_matches_after_any_changes(store: SqlStore, seed: int) -> None:
    chance = random.Random(seed)
    await register_varied_vims(store)
    await store.record_lapses(1000)
    vims = await store.vims_after("", 1000)
    filters = [parse_filter(random_filter(chance, vims)) for _ in range(80)]
    await store.maintenance.keep_up(1000)
    believed = {vim_filter: await matching_now(store, vim_filter) for vim_filter in filters}
    begun_at = revision = (await store.span()).newest
    shared, sent = FilteredEvents(store.filters), 0

    for turn in range(16):
        for _ in range(chance.randint(1, 12)):
            try:
                await change_something(store, chance, await store.vims_after("", 1000))
            except VimeshError:
                continue  # such as a name that is taken
        if turn == 8:
            await elapse(store, 2e7)
            await store.record_lapses(20)
            await store.replace_silent(10)
            await store.record_lapses(1000)
        await store.maintenance.keep_up(1000)
        events = await store.events_after(revision, 1000)
        revision = events[-1].revision if events else revision
        for vim_filter, matching in believed.items():
            with shared.watching(vim_filter) as log:
                selected = await log.select(events)
            apply(selected, matching)
            sent += len(selected)

    for vim_filter, matching in believed.items():
        assert matching == await matching_now(store, vim_filter), vim_filter
    assert sent < (revision - begun_at) * len(filters) * 0.8, "filters that leave nothing out prove little"


async def test_each_change_is_decided_once_for_all_who_watch_with_the_filter(store: SqlStore) -> None:
    vims = [await store.register(registration(labels={"region": region})) for region in ("eu", "us") * 10]
    await record(store, [report(vim, Status.UNREACHABLE, 1) for vim in vims])
    events = await store.events_after(1, 1000)
    shared = FilteredEvents(store.filters)
    vim_filter = parse_filter("labels.region = eu AND status != REACHABLE")
    elsewhere = parse_filter("labels.region = us AND status != REACHABLE")

    with shared.watching(vim_filter) as one, shared.watching(elsewhere), shared.watching(vim_filter) as other:
        assert one is other
        assert shared.filters == 2
        answers = await asyncio.gather(*(log.select(events) for log in (one, other) * 50))

    assert {len(answer) for answer in answers} == {20}
    # The very same objects: their bytes are made once, too.
    assert len({id(event) for answer in answers for event in answer}) == 20
    assert one.decisions == len(events)
    assert shared.filters == 0


async def test_a_filter_that_needs_only_the_event_reads_nothing(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    vim = await store.register(registration())
    await record(store, [report(vim, Status.REACHABLE, 1)])
    await record(store, [report(vim, Status.UNREACHABLE, 2, reason="TIMEOUT")])
    await record(store, [report(vim, Status.UNKNOWN, 3)])
    await record(store, [report(vim, Status.REACHABLE, 4)])
    events = await store.events_after(1, 1000)
    monkeypatch.delattr(type(store.filters), "filterable_vims")

    with FilteredEvents(store.filters).watching(parse_filter("status = UNREACHABLE AND project_id = default")) as log:
        seen = await log.select(events)

    assert [(event.status, event.filtered_out) for event in seen] == [
        (Status.UNREACHABLE, False),
        (Status.UNKNOWN, True),
    ]


async def test_what_is_remembered_has_a_bound(store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filtered_events, "_MAX_EVENTS", 5)
    monkeypatch.setattr(filtered_events, "_MAX_VIMS", 5)
    vims = [await store.register(registration(name=f"lab-{number}")) for number in range(20)]
    await record(store, [report(vim, Status.UNREACHABLE, 1) for vim in vims])
    events = await store.events_after(1, 1000)
    shared = FilteredEvents(store.filters)

    with shared.watching(parse_filter("name = lab*")) as log:
        assert await log.select(events) == events
        assert await log.select(events[:7]) == events[:7]
        assert len(log._decided) == len(shared._vims) == 5
    assert not shared._vims
