"""What every store says of VIMs that flap."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import pytest
from sqlalchemy import Connection, Update, select, update

from tests.support.sql.stores import record, registration, report
from vimesh.domain.errors import FilterInvalid
from vimesh.domain.events import EventKind
from vimesh.domain.filters.parse_filter import parse_filter
from vimesh.domain.queries import Order, VimQuery
from vimesh.domain.vim_store import VimStore
from vimesh.domain.vims import Status, Vim
from vimesh.store.schema.tables import events
from vimesh.store.schema.timestamps import micros
from vimesh.store.sql_store import SqlStore


def _execute(statement: Update, connection: Connection) -> None:
    connection.execute(statement)


async def changed(store: VimStore, vim: Vim, minutes_ago: Sequence[float]) -> None:
    """Let a VIM be lost and found, at these times."""
    assert isinstance(store, SqlStore)
    for number in range(len(minutes_ago) + 1):
        status = (Status.REACHABLE, Status.UNREACHABLE)[number % 2]
        await record(store, [report(vim, status, observation=number + 1)])
    of_vim = select(events.c.revision).where(events.c.vim_id == vim.id, events.c.kind == EventKind.STATUS_CHANGED)
    revisions = await store._database.read(lambda c: c.execute(of_vim.order_by("revision")).scalars().all())
    now = micros((await store.clock()).timestamp())
    for revision, ago in zip(revisions[1:], minutes_ago, strict=True):
        shift = update(events).where(events.c.revision == revision).values(time=now - micros(60 * ago))
        await store._database.write(partial(_execute, shift))


async def test_a_vim_that_flaps_says_so_wherever_it_is_read_and_keeps_its_status(store: VimStore, vim: Vim) -> None:
    calm = await store.register(registration())
    await record(store, [report(calm)])
    await changed(store, vim, [8, 7, 6, 5, 4, 3, 2, 1])

    shown = await store.get(vim.id)

    assert shown.flapping
    assert shown.status is Status.REACHABLE
    assert not (await store.get(calm.id)).flapping
    listed = (await store.list_vims(VimQuery())).vims
    assert {each.id: each.flapping for each in listed} == {vim.id: True, calm.id: False}
    assert {each.id: each.flapping for each in await store.vims_after("", 10)} == {vim.id: True, calm.id: False}
    many = await store.bulk.get_many([vim.id, calm.id])
    assert [isinstance(each, Vim) and each.flapping for each in many] == [True, False]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("flapping = true", "f"),
        ("flapping != false AND status = REACHABLE", "f"),
        ("NOT flapping = true", "cr"),
        ("NOT (flapping != true OR status = PENDING)", "f"),
        ("flapping = false", "cr"),
        ('NOT (flapping = true AND name = "f*") AND name != "r*"', "c"),
        ('flapping = true OR name = "c*"', "cf"),
        ("flapping = true AND flapping = false", ""),
    ],
)
async def test_a_filter_finds_vims_that_flap(store: VimStore, text: str, expected: str) -> None:
    calm, flaps, recent = [await store.register(registration(name=name)) for name in ("c", "f", "r")]
    await record(store, [report(vim) for vim in (calm, recent)])
    await changed(store, flaps, [8, 7, 6, 5, 4, 3, 2, 1])

    for order in (Order(), Order("name", descending=True)):
        found = (await store.list_vims(VimQuery(parse_filter(text, flapping=True), order))).vims
        assert {vim.name for vim in found} == set(expected)
    past = (await store.as_of.list_vims(VimQuery(parse_filter(text, flapping=True)), await store.clock())).vims
    assert {vim.name for vim in past} == set(expected)


def test_where_nothing_says_that_it_ends_flapping_is_refused() -> None:
    with pytest.raises(FilterInvalid, match="flapping can select VIMs in lists") as refused:
        parse_filter("status = REACHABLE AND flapping = true")
    assert refused.value.position == 23


async def test_a_vim_that_is_only_lost_and_found_does_not_flap(store: VimStore, vim: Vim) -> None:
    await changed(store, vim, [5, 1])
    assert not (await store.get(vim.id)).flapping


async def test_changes_of_long_ago_are_no_flapping(store: VimStore, vim: Vim) -> None:
    await changed(store, vim, [100, 99, 98, 97, 96, 95, 94, 0])
    assert not (await store.get(vim.id)).flapping
