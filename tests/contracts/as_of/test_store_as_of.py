"""A list at a time is what a client saw then, whatever has happened since."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import pytest
from sqlalchemy import update

from tests.support.sql.random_histories import History, as_recorded, list_as_of, now_between_changes
from tests.support.sql.stores import record, registration, report
from vimesh.domain.errors import BadInput, PageTokenInvalid, TimeNotKept
from vimesh.domain.filters.parse_filter import parse_filter
from vimesh.domain.queries import MAX_PAGE_BYTES, Order, VimQuery
from vimesh.domain.retention import Retention
from vimesh.domain.vim_store import VimStore
from vimesh.domain.vims import Modification, Status, Vim
from vimesh.store.as_of import list_past_vims
from vimesh.store.schema.tables import revisions
from vimesh.store.sql_store import SqlStore

FILTERS: Final = (
    "",
    "status = UNREACHABLE",
    "reason:* AND NOT labels.region = eu",
    'name = "a*" OR maintenance = true',
    "engine = EXTERNAL OR status = UNKNOWN",
)


@pytest.mark.parametrize("seed", range(2))
async def test_a_list_at_a_time_is_what_a_client_saw_then(store: VimStore, seed: int) -> None:
    """Every list that a client got during a random history comes back, page by page and through filters."""
    assert isinstance(store, SqlStore)
    rng = random.Random(seed)
    history = History(store, rng)
    seen: list[tuple[dt.datetime, Sequence[Vim]]] = [(await now_between_changes(store), [])]
    for _ in range(80):
        await history.step()
        time = await now_between_changes(store)
        vims = (await store.list_vims(VimQuery(page_size=1000))).vims
        seen.append((time, [as_recorded(vim) for vim in vims]))
    assert len(history.done) == 10, "not every kind of change was made"

    for time, vims in seen:
        vim_filter = parse_filter(rng.choice(FILTERS))
        assert await list_as_of(store, time) == vims
        past = await list_as_of(store, time, vim_filter, page_size=rng.randint(1, 5))
        assert past == [vim for vim in vims if vim_filter.matches(vim)]


async def test_what_a_modification_replaced_comes_back(store: VimStore) -> None:
    """Also what is large, and of a VIM that was deregistered since; secrets stay masked."""
    vim = await store.register(
        registration(
            name="lab",
            description="the lab",
            extra={"rack": 4},
            placement_attr={"regions": ["eu"]},
            auth_cred={"username": "u", "password": "secret"},
            labels={"region": "eu"},
        )
    )
    time = await now_between_changes(store)
    for description in ("first", "second"):
        await store.modify(vim.id, Modification(name="x", description=description, extra={}, labels={}))
    between = await now_between_changes(store)
    await store.modify(vim.id, Modification(auth_url="http://192.0.2.2:5000/v3", auth_cred={"username": "w"}))
    await store.deregister(vim.id)

    [before], [after] = await list_as_of(store, time), await list_as_of(store, between)

    assert before == as_recorded(vim)
    assert (after.name, after.description, after.extra, after.labels) == ("x", "second", {}, {})
    assert (after.placement_attr, after.auth_cred) == (vim.placement_attr, vim.auth_cred)
    assert after.etag != vim.etag
    assert await list_as_of(store, await now_between_changes(store)) == []


async def test_status_and_reason_come_back_although_the_change_that_brought_them_is_gone(store: VimStore) -> None:
    vim = await store.register(registration())
    await record(store, [report(vim, Status.UNREACHABLE, 1, reason="TIMEOUT", age_s=3.0)])
    await store.register(registration())
    time, vims = await now_between_changes(store), (await store.list_vims(VimQuery())).vims
    await record(store, [report(vim, Status.REACHABLE, 2)])
    await store.deregister(vim.id)
    await store.compact(Retention(events=3), 100)

    [past, _] = await list_as_of(store, time)

    # Which change had been its last is not known any more.
    assert past == replace(as_recorded(vims[0]), revision=0)


async def test_a_time_of_which_too_little_is_kept_is_refused(store: VimStore) -> None:
    before = await now_between_changes(store)
    vim = await store.register(registration())
    await store.modify(vim.id, Modification(description="x"))
    assert await list_as_of(store, before) == []

    await store.compact(Retention(events=1), 100)

    with pytest.raises(TimeNotKept) as refused:
        await list_as_of(store, before)
    earliest = dt.datetime.fromisoformat(refused.value.metadata["earliest_time"])
    assert earliest == vim.create_time
    assert [one.description for one in await list_as_of(store, earliest)] == [""]
    with pytest.raises(TimeNotKept):
        await list_as_of(store, earliest - dt.timedelta(microseconds=1))


async def test_a_quiet_fleet_is_shown_as_it_was_although_no_change_is_kept(store: VimStore) -> None:
    vim = await store.register(registration())
    time = await now_between_changes(store)
    while await store.compact(Retention(age_s=1e-6), 100) or (await store.span()).oldest == 2:
        pass

    assert await list_as_of(store, time) == [as_recorded(vim)]
    with pytest.raises(TimeNotKept):
        await list_as_of(store, vim.create_time - dt.timedelta(microseconds=1))


async def test_changes_that_an_earlier_version_made_cannot_be_undone(store: VimStore) -> None:
    """It may share the database while a fleet is upgraded: it moves the head, and says nothing of what it replaced."""
    assert isinstance(store, SqlStore)
    vim = await store.register(registration())
    before = await now_between_changes(store)
    await store.modify(vim.id, Modification(description="x"))
    await store._database.write(lambda c: c.execute(update(revisions).values(undoable_until=2)))

    with pytest.raises(TimeNotKept):
        await list_as_of(store, before)
    await store.modify(vim.id, Modification(description="y"))
    with pytest.raises(TimeNotKept):
        await list_as_of(store, before)
    after = await now_between_changes(store)
    await store.modify(vim.id, Modification(description="z"))
    assert [one.description for one in await list_as_of(store, after)] == ["y"]


async def test_a_page_ends_after_so_many_changes(store: VimStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(list_past_vims, "MAX_CHANGES", 3)
    vims = [await store.register(registration()) for _ in range(3)]
    time = await now_between_changes(store)
    for observation in range(1, 9):
        status = Status.REACHABLE if observation % 2 else Status.UNREACHABLE
        await record(store, [report(vim, status, observation) for vim in vims])

    first = await store.as_of.list_vims(VimQuery(), time)

    assert [vim.id for vim in first.vims] == [vims[0].id]
    assert first.next_page_token
    assert await list_as_of(store, time) == [as_recorded(vim) for vim in vims]


async def test_a_page_ends_before_what_is_put_back_is_too_large(store: VimStore) -> None:
    large = {"notes": "x" * 60_000}
    vims = [await store.register(registration(extra=large, placement_attr=large)) for _ in range(12)]
    time = await now_between_changes(store)
    for vim in vims:
        await store.modify(vim.id, Modification(extra={}, placement_attr={}))

    first = await store.as_of.list_vims(VimQuery(), time)

    assert 1 <= len(first.vims) * 120_000 <= MAX_PAGE_BYTES
    assert await list_as_of(store, time) == [as_recorded(vim) for vim in vims]


async def test_a_page_looks_at_so_many_changes_if_no_vim_matches(
    store: VimStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(list_past_vims, "MAX_CHANGES", 2)
    monkeypatch.setattr(list_past_vims, "_BATCH", 1)
    vims = [await store.register(registration()) for _ in range(4)]
    time = await now_between_changes(store)
    for vim in vims:
        await store.modify(vim.id, Modification(description="x"))

    first = await store.as_of.list_vims(VimQuery(parse_filter("name = nobody")), time)
    second = await store.as_of.list_vims(
        VimQuery(parse_filter("name = nobody"), page_token=first.next_page_token), time
    )

    assert (first.vims, second.vims) == ([], [])
    assert first.next_page_token


async def test_other_projects_orders_and_times_are_refused(store: VimStore) -> None:
    await store.register(registration(project_id="blue"))
    gone = await store.register(registration(project_id="green"))
    time = await now_between_changes(store)
    await store.deregister(gone.id)

    for projects, count in ((None, 2), (frozenset({"blue"}), 1), (frozenset({"green"}), 1), (frozenset({"red"}), 0)):
        assert len((await store.as_of.list_vims(VimQuery(projects=projects), time)).vims) == count
    with pytest.raises(BadInput, match="future"):
        await list_as_of(store, time + dt.timedelta(hours=1))
    with pytest.raises(BadInput, match="create_time"):
        await store.as_of.list_vims(VimQuery(order=Order("name")), time)
    token = (await store.as_of.list_vims(VimQuery(page_size=1), time)).next_page_token
    with pytest.raises(PageTokenInvalid):
        await store.as_of.list_vims(VimQuery(page_token=token), await now_between_changes(store))
