"""What every VimStore does with the labels of VIMs, and with their rows in the table that filters read."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from tests.support.sql.stores import changes_in, newest_event, registration
from vimesh.domain.errors import BadInput
from vimesh.domain.events import EventKind
from vimesh.domain.labels.label_change import LabelChange
from vimesh.domain.labels.label_syntax import MAX_LABELS
from vimesh.domain.queries import VimQuery
from vimesh.domain.vim_store import VimStore
from vimesh.domain.vims import Modification, Registered, Vim
from vimesh.store.rows.visible_rows import WHOLE_VIM
from vimesh.store.schema.tables import standings, vim_labels, vims
from vimesh.store.sql_store import SqlStore

LABELS = {"region": "eu", "example.com/owner": "nfv", "empty": ""}


async def rows(store: VimStore) -> dict[str, dict[str, str]]:
    """Return the rows of labels by the id of their VIM; those of VIMs that are gone, under an empty one."""
    assert isinstance(store, SqlStore)
    joined = vim_labels.outerjoin(WHOLE_VIM, standings.c.number == vim_labels.c.number)
    statement = select(vims.c.id, vim_labels.c["key"], vim_labels.c.value).select_from(joined)
    found: dict[str, dict[str, str]] = {}
    for vim_id, key, value in await store._database.read(lambda connection: connection.execute(statement).all()):
        found.setdefault(vim_id or "", {})[key] = value
    return found


async def test_labels_are_shown_wherever_a_vim_is(store: VimStore) -> None:
    vim = await store.register(registration(labels=LABELS))
    [stored] = await store.register_many([registration(labels={"region": "us"})])
    assert isinstance(stored, Registered)
    bare = await store.register(registration())

    expected = {vim.id: LABELS, stored.vim_id: {"region": "us"}, bare.id: {}}
    listed = (await store.list_vims(VimQuery())).vims
    events, _ = await store.events_of("", 10, "")
    assert vim.labels == (await store.get(vim.id)).labels == LABELS
    assert {each.id: each.labels for each in listed} == expected
    assert {each.id: each.labels for each in await store.vims_after("", 10)} == expected
    assert {event.vim_id: event.vim.labels for event in events if event.vim} == expected
    assert await rows(store) == {vim.id: LABELS, stored.vim_id: {"region": "us"}}


@pytest.mark.parametrize(
    ("change", "after"),
    [
        ({"region": "us", "tier": "1"}, {"region": "us", "tier": "1"}),
        ({}, {}),
        (LabelChange({"region": "us", "tier": "1"}), {**LABELS, "region": "us", "tier": "1"}),
        (LabelChange(removed={"region", "absent"}), {"example.com/owner": "nfv", "empty": ""}),
    ],
)
async def test_labels_are_replaced_or_changed_one_by_one(
    store: VimStore, change: dict[str, str] | LabelChange, after: dict[str, str]
) -> None:
    vim = await store.register(registration(labels=LABELS))

    changed = await store.modify(vim.id, Modification(labels=change))

    assert changed.labels == (await store.get(vim.id)).labels == after
    assert (changed.monitor, changed.status) == (vim.monitor, vim.status)
    assert changed.etag != vim.etag
    event = await newest_event(store)
    assert (event.kind, event.changed_fields) == (EventKind.MODIFIED, ("labels",))
    assert event.vim
    assert event.vim.labels == after
    assert await rows(store) == ({vim.id: after} if after else {})


async def test_labels_that_stay_the_same_leave_no_event(store: VimStore) -> None:
    vim = await store.register(registration(labels=LABELS))

    for same in (dict(reversed(LABELS.items())), LabelChange({"region": "eu"}, {"absent"})):
        assert await store.modify(vim.id, Modification(labels=same)) == vim
    assert await changes_in(store) == 1


async def test_every_change_of_a_vim_shows_its_labels(store: VimStore) -> None:
    vim = await store.register(registration(labels=LABELS))
    await store.modify(vim.id, Modification(description="another"))
    await store.deregister(vim.id)

    events, _ = await store.events_of(vim.id, 10, "")

    assert [event.vim.labels for event in events if event.vim] == [LABELS] * 3


async def test_a_vim_that_is_gone_leaves_no_label(store: VimStore) -> None:
    gone = await store.register(registration(labels=LABELS))
    stays = await store.register(registration(labels={"region": "us"}))

    await store.deregister(gone.id)

    assert await rows(store) == {stays.id: {"region": "us"}}


async def test_a_vim_has_a_bounded_number_of_labels(store: VimStore) -> None:
    full = {f"k{number}": "" for number in range(MAX_LABELS)}
    vim = await store.register(registration(labels=full))

    with pytest.raises(BadInput, match="at most 64 labels"):
        await store.modify(vim.id, Modification(labels=LabelChange({"more": ""})))
    after = await store.modify(vim.id, Modification(labels=LabelChange({"more": ""}, {"k0"})))

    assert len(after.labels) == MAX_LABELS


async def test_labels_of_the_longest_kind_and_those_that_differ_in_case(store: VimStore) -> None:
    longest = {f"{'.'.join(['d' * 49] * 5)}.com/{'N' * 63}": "v" * 63}
    labels: dict[str, str] = {**longest, "Region": "EU", "region": "eu"}

    vim: Vim = await store.register(registration(labels=labels))

    assert (await store.get(vim.id)).labels == (await rows(store))[vim.id] == labels
