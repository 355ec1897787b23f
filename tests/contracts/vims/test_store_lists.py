"""How every VimStore lists VIMs and actions."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace

import pytest

from tests.support.sql.stores import record, registration, report
from vimesh.domain.actions import Action, ActionScope, Shard, shard_key
from vimesh.domain.errors import (
    PageTokenInvalid,
)
from vimesh.domain.filters.parse_filter import parse_filter
from vimesh.domain.filters.vim_filter import Filter
from vimesh.domain.probing import Method, ProbePolicy
from vimesh.domain.queries import Order, VimQuery
from vimesh.domain.vim_store import VimStore
from vimesh.domain.vims import (
    Engine,
    Registration,
    Status,
    Vim,
)


async def listed(store: VimStore, text: str = "", order: Order | None = None, page_size: int = 2) -> list[str]:
    """Return the names on all pages."""
    query = VimQuery(parse_filter(text), order or Order(), page_size)
    names: list[str] = []
    while True:
        page = await store.list_vims(query)
        assert len(page.vims) <= page_size
        names += [vim.name for vim in page.vims]
        if not page.next_page_token:
            return names
        query = replace(query, page_token=page.next_page_token)


async def registered(store: VimStore, *registrations: Registration) -> Sequence[Vim]:
    return [await store.register(wanted) for wanted in registrations]


@pytest.mark.parametrize("page_size", [1, 2, 3, 5, 6, 100])
async def test_pages_show_each_vim_once_in_order(store: VimStore, page_size: int) -> None:
    vims = await registered(store, *(registration(name=name) for name in ("b", "a", "e", "d", "c")))
    for vim in (vims[3], vims[0], vims[1]):
        await record(store, [report(vim, age_s=-vims.index(vim))])

    assert await listed(store, "", Order("name"), page_size) == ["a", "b", "c", "d", "e"]
    assert await listed(store, "", Order("name", descending=True), page_size) == ["e", "d", "c", "b", "a"]
    for field in ("create_time", "status_time"):
        for descending in (False, True):
            names = await listed(store, "", Order(field, descending), page_size)
            assert sorted(names) == ["a", "b", "c", "d", "e"]
            stored = {vim.name: getattr(await store.get(vim.id), field) for vim in vims}
            assert [stored[name] for name in names] == sorted(stored.values(), reverse=descending)


async def test_a_page_goes_on_where_the_last_one_ended_whatever_came_meanwhile(store: VimStore) -> None:
    vims = await registered(store, *(registration(name=name) for name in "abcdef"))
    first = await store.list_vims(VimQuery(order=Order("name"), page_size=3))
    await store.deregister(vims[0].id)
    await store.register(registration(name="aa"))

    second = await store.list_vims(VimQuery(Filter(), Order("name"), 3, first.next_page_token))

    assert [vim.name for vim in second.vims] == ["d", "e", "f"]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", "LAB lab lab_1 lab[1] lab? labX1 ö*"),
        ("name = lab", "lab"),
        ("name != lab", "LAB lab_1 lab[1] lab? labX1 ö*"),
        ("name = lab*", "lab lab_1 lab[1] lab? labX1"),
        ("name != lab*", "LAB ö*"),
        ("name = *1", "lab_1 labX1"),
        ("name = l*_1", "lab_1"),
        ("name = *[1]", "lab[1]"),
        ("name = *?", "lab?"),
        ('name = "*%*"', ""),
        ("name = *", "LAB lab lab_1 lab[1] lab? labX1 ö*"),
        ("type = kubernetes", "lab"),
        ("status = REACHABLE AND name != lab?", "LAB"),
        ("status != PENDING", "LAB lab?"),
        ("is_default = true", "lab_1"),
        ("is_default != true AND name = lab*", "lab lab[1] lab? labX1"),
        ("engine = MISTRAL", "labX1"),
        ("project_id = other", "ö*"),
        ("auth_url = http://10.*", "lab[1]"),
        ("id = nothing", ""),
    ],
)
async def test_a_filter_shows_what_it_says(store: VimStore, text: str, names: str) -> None:
    vims = await registered(
        store,
        registration(name="lab", type="kubernetes"),
        registration(name="LAB"),
        registration(name="lab_1", is_default=True),
        registration(name="labX1", engine=Engine.MISTRAL),
        registration(name="lab[1]", auth_url="http://10.0.0.1/"),
        registration(name="lab?"),
        registration(name="ö*", project_id="other"),
    )
    await record(store, [report(vims[1]), report(vims[5])])

    assert sorted(await listed(store, text)) == sorted(names.split())


async def test_a_token_of_another_query_is_refused(store: VimStore) -> None:
    await registered(store, *(registration() for _ in range(3)))
    query = VimQuery(page_size=1)
    token = (await store.list_vims(query)).next_page_token
    assert token.replace("-", "").replace("_", "").isalnum()

    assert (await store.list_vims(replace(query, page_size=2, page_token=token))).vims
    garbage = (token[:-1], token + "A", token[1:], "x", "é", "W10", "[" * 3000)
    for other in (
        replace(query, order=Order("name"), page_token=token),
        replace(query, order=Order("create_time", descending=True), page_token=token),
        replace(query, filter=parse_filter("name = lab"), page_token=token),
        *(replace(query, page_token=text) for text in garbage),
    ):
        with pytest.raises(PageTokenInvalid):
            await store.list_vims(other)


@pytest.mark.parametrize(
    ("field", "position"),
    [
        ("create_time", [2**63]),
        ("create_time", [-1]),
        ("create_time", [10**4000]),
        ("create_time", [True]),
        ("create_time", [1.0]),
        ("create_time", [float("nan")]),
        ("create_time", ["1"]),
        ("create_time", [None]),
        ("create_time", [[1]]),
        ("create_time", [{}]),
        ("create_time", []),
        ("create_time", [1, 1]),
        ("status_time", [1, 10**30]),
        ("name", ["a\0", "b"]),
        ("name", ["\ud800", "b"]),
        ("name", ["a", 1]),
    ],
)
async def test_a_token_that_was_forged_is_refused(store: VimStore, field: str, position: list[object]) -> None:
    query = VimQuery(Filter(), Order(field), 1)
    # The digest of it says nothing: anybody can make one.
    digest = hashlib.sha256(repr((((), Order(field)), tuple(position))).encode(errors="backslashreplace")).hexdigest()
    text = json.dumps([digest[:16], *position], separators=(",", ":"))
    token = base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")

    with pytest.raises(PageTokenInvalid):
        await store.list_vims(replace(query, page_token=token))


async def test_patterns_of_many_parts_are_matched_at_little_cost(store: VimStore) -> None:
    longest = "http://a/" + "a" * 2039
    vims = await registered(store, *(registration(name="a" * 250 + str(n), auth_url=longest) for n in range(20)))

    async with asyncio.timeout(5):
        assert await listed(store, 'name = "*a*a*a*a*a*a*b" AND auth_url = "*1*2*3*4*zz"') == []
        assert await listed(store, f'auth_url = "*{"a" * 125}b*"') == []
        assert await listed(store, 'auth_url = "*a*a*a*a*a*a*a*a"', page_size=100) == [vim.name for vim in vims]


async def test_vims_are_listed_by_id_for_a_snapshot(store: VimStore) -> None:
    vims = sorted(await registered(store, *(registration() for _ in range(5))), key=lambda vim: vim.id)

    assert await store.vims_after("", 3) == vims[:3]
    assert await store.vims_after(vims[2].id, 3) == vims[3:]
    assert await store.vims_after(vims[4].id, 3) == []


async def test_actions_are_listed_by_engine_and_shard(store: VimStore) -> None:
    vims = await registered(store, *(registration() for _ in range(12)), registration(engine=Engine.MISTRAL))
    ids = sorted(vim.id for vim in vims[:12])

    assert [action.vim_id for action in await store.actions_after(ActionScope(Engine.EMBEDDED), "", 100)] == ids
    assert [action.vim_id for action in await store.actions_after(ActionScope(Engine.EMBEDDED), ids[3], 2)] == ids[4:6]
    assert [action.vim_id for action in await store.actions_after(ActionScope(Engine.MISTRAL), "", 9)] == [vims[12].id]
    for index in range(3):
        scope = ActionScope(Engine.EMBEDDED, Shard(index, 3))
        found = [action.vim_id for action in await store.actions_after(scope, "", 100)]
        assert found == [vim_id for vim_id in ids if shard_key(vim_id) % 3 == index]


async def test_an_action_says_what_to_run(store: VimStore) -> None:
    vim = await store.register(
        registration(policy=ProbePolicy(Method.TCP, 5.0, 0.5, 2, 2, tls_verify=True, fail_for_s=6.5))
    )
    await record(store, [report(vim, Status.REACHABLE, 4)])

    assert await store.actions_of([vim.id, "gone"]) == [
        Action(vim.id, vim.monitor.action_id, vim.auth_url, vim.policy, 4, vim_type="openstack"),
    ]
    assert await store.actions_of([]) == []
