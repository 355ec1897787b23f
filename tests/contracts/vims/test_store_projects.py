"""A VIM of a project that the caller does not see does not exist for that caller, in anything it asks for (G14)."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable

import pytest

from tests.support.sql.stores import elapse, record, registration, report
from vimesh.domain.access.caller import Caller, CallerRole
from vimesh.domain.actions import ActionScope, Shard
from vimesh.domain.errors import NameTaken, RequestIdReused, VimNotFound
from vimesh.domain.events import EventKind, VimEvent
from vimesh.domain.filters.parse_filter import parse_filter
from vimesh.domain.filters.vim_filter import Filter
from vimesh.domain.queries import Order, VimQuery
from vimesh.domain.vim_store import VimStore
from vimesh.domain.vims import Engine, Modification, Registered, Status, Vim
from vimesh.store.change_log import read_log


def caller(*projects: str, identity: str = "x#y") -> Caller:
    return Caller(identity, frozenset({CallerRole.OPERATOR}), frozenset(projects), frozenset())


async def registered(store: VimStore, project_id: str, count: int = 1) -> list[Vim]:
    return [await store.register(registration(project_id=project_id)) for _ in range(count)]


async def all_events(store: VimStore, page_size: int, *projects: str, vim_id: str = "") -> list[VimEvent]:
    events: list[VimEvent] = []
    token = ""
    while True:
        page, token = await store.events_of(vim_id, page_size, token, caller(*projects))
        events += page
        if not token:
            return events


@pytest.mark.parametrize(
    "call",
    [
        lambda store, vim_id, who: store.get(vim_id, who),
        lambda store, vim_id, who: store.modify(vim_id, Modification(name="mine", etag="other"), who),
        lambda store, vim_id, who: store.deregister(vim_id, who),
    ],
)
async def test_a_vim_of_another_project_is_not_found(
    store: VimStore, call: Callable[[VimStore, str, Caller], Awaitable[object]]
) -> None:
    [vim] = await registered(store, "b")
    missing = str(uuid.uuid4())
    texts = []
    for vim_id in (vim.id, missing):
        for who in (caller("a"), caller()):
            with pytest.raises(VimNotFound) as error:
                await call(store, vim_id, who)
            texts.append(str(error.value).replace(vim_id, "ID"))

    assert len(set(texts)) == 1
    assert await store.get(vim.id, caller("a", "b")) == vim


@pytest.mark.parametrize("order", [Order(), Order("name"), Order("status_time", descending=True)])
async def test_a_list_has_the_vims_of_the_projects_on_every_page(store: VimStore, order: Order) -> None:
    for _ in range(5):
        for project in ("a", "b", "c"):
            await registered(store, project)
    every = (await store.list_vims(VimQuery(order=order))).vims
    for projects in (("a",), ("a", "c"), ("d",), ()):
        vims: list[Vim] = []
        token = ""
        while True:
            query = VimQuery(Filter(), order, 2, token, frozenset(projects))
            page = await store.list_vims(query)
            vims += page.vims
            if not (token := page.next_page_token):
                break
        assert vims == [vim for vim in every if vim.project_id in projects]
    hidden = VimQuery(parse_filter('project_id = "b"'), projects=frozenset({"a"}))
    assert not (await store.list_vims(hidden)).vims


async def test_a_snapshot_has_the_vims_of_one_project(store: VimStore) -> None:
    mine, _ = await registered(store, "a", 3), await registered(store, "b", 3)
    ids: list[str] = []
    while page := await store.vims_after(ids[-1] if ids else "", 2, "a"):
        ids += [vim.id for vim in page]

    assert ids == sorted(vim.id for vim in mine)


async def test_a_change_of_any_kind_says_its_project_and_who_made_it(store: VimStore) -> None:
    vim = await store.register(registration(project_id="a"), caller("a", identity="x#ann"))
    await record(store, [report(vim, Status.REACHABLE, 1)._replace(reporter="x#m1")], 1.0)
    await record(store, [report(vim, Status.REACHABLE, 2, reason="SLOW")], 1.0)
    await elapse(store, 60)
    await store.record_lapses(9)
    await elapse(store, 600)
    await store.replace_silent(9)
    await store.modify(vim.id, Modification(name="new"), caller("a", identity="x#bob"))
    await store.deregister(vim.id, caller("a", identity="x#eve"))
    events = await all_events(store, 100, "a")

    assert [(event.kind, event.actor) for event in reversed(events)] == [
        (EventKind.REGISTERED, "x#ann"),
        (EventKind.STATUS_CHANGED, "x#m1"),
        (EventKind.REASON_CHANGED, ""),
        (EventKind.STATUS_CHANGED, ""),
        (EventKind.ACTION_REPLACED, ""),
        (EventKind.MODIFIED, "x#bob"),
        (EventKind.DEREGISTERED, "x#eve"),
    ]
    assert {event.project_id for event in events} == {"a"}
    assert await store.events_after(1, 100) == events[::-1]


async def test_each_vim_of_a_batch_says_who_registered_it(store: VimStore) -> None:
    await store.register_many([registration(project_id="a") for _ in range(2)], caller("a", identity="x#ann"))

    assert [event.actor for event in await all_events(store, 9, "a")] == ["x#ann"] * 2


@pytest.mark.parametrize("examined", [1, 3, 1000])
async def test_changes_are_those_of_the_projects_however_few_are_looked_at_for_a_page(
    store: VimStore, monkeypatch: pytest.MonkeyPatch, examined: int
) -> None:
    monkeypatch.setattr(read_log, "_EXAMINED", examined)
    for project in ("a", "b", "b", "b", "c", "a", "b"):
        [vim] = await registered(store, project)
        await record(store, [report(vim, Status.REACHABLE, 1)])
    await store.deregister(vim.id)
    every = (await store.events_of("", 100, ""))[0]
    for projects in (("a",), ("a", "c"), ("b",), ("d",), ()):
        for page_size in (1, 2, 100):
            assert await all_events(store, page_size, *projects) == [
                event for event in every if event.project_id in projects
            ]
    assert [event.kind for event in await all_events(store, 2, "b", vim_id=vim.id)] == [
        EventKind.DEREGISTERED,
        EventKind.STATUS_CHANGED,
        EventKind.REGISTERED,
    ]
    assert await all_events(store, 2, "a", vim_id=vim.id) == []


async def test_an_id_that_is_used_again_does_not_show_what_was_before(store: VimStore) -> None:
    vim_id = str(uuid.uuid4())
    first = await store.register(registration(vim_id=vim_id, project_id="a"))
    await record(store, [report(first, Status.REACHABLE, 1)])
    await store.deregister(vim_id)
    await store.register(registration(vim_id=vim_id, project_id="b"))

    assert len(await all_events(store, 9, "a", vim_id=vim_id)) == 3
    assert len(await all_events(store, 9, "b", vim_id=vim_id)) == 1


async def test_a_request_id_is_that_of_a_project(store: VimStore) -> None:
    request_id = str(uuid.uuid4())
    of_a, of_b = (registration(project_id=project, request_id=request_id) for project in ("a", "b"))
    first = await store.register(of_a, caller("a"))
    other = await store.register(of_b, caller("b"))
    repeated = await store.register_many([of_a, of_b], caller("a", "b"))

    assert first.id != other.id
    assert repeated == [Registered(first.id, repeated=True), Registered(other.id, repeated=True)]
    assert (await store.register(of_a, caller("a"))).id == first.id
    with pytest.raises(RequestIdReused, match=request_id):
        await store.register(registration(project_id="a", request_id=request_id), caller("a"))


async def test_a_name_is_taken_in_its_project_only(store: VimStore) -> None:
    await store.register(registration(name="lab", project_id="a", is_default=True), caller("a"))
    await store.register(registration(name="lab", project_id="b", is_default=True), caller("b"))

    with pytest.raises(NameTaken):
        await store.register(registration(name="lab", project_id="b"), caller("b"))


async def test_actions_are_those_of_the_projects(store: VimStore) -> None:
    vims = [
        await store.register(registration(project_id=project, engine=Engine.EXTERNAL)) for project in ("a", "b", "a")
    ]
    scope = ActionScope(Engine.EXTERNAL, Shard(), frozenset({"a"}))

    actions = await store.actions_after(scope, "", 9)
    wanted = await store.wanted_actions([*(vim.id for vim in vims), str(uuid.uuid4())])

    assert sorted(action.vim_id for action in actions) == sorted([vims[0].id, vims[2].id])
    assert {vim_id: (one.engine, one.action_id, one.project_id) for vim_id, one in wanted.items()} == {
        vim.id: (Engine.EXTERNAL, vim.monitor.action_id, vim.project_id) for vim in vims
    }
