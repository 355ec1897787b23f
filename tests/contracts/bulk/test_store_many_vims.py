"""What every BulkStore does with many VIMs at once, and what a change leaves that is only validated."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.sql.stores import LOCK_TIMEOUT_S, changes_in, record, registration, report, store_at
from vimesh.domain.access.caller import OPEN_CALLER
from vimesh.domain.access.quotas import ProjectLimits, Quotas
from vimesh.domain.bulk.bulk_store import DeregisteredVim, Removal
from vimesh.domain.errors import (
    BadInput,
    ChangeRateExceeded,
    EtagMismatch,
    VimeshError,
    VimNotFound,
)
from vimesh.domain.events import EventKind
from vimesh.domain.labels.label_change import LabelChange
from vimesh.domain.queries import VimQuery
from vimesh.domain.vim_store import VimStore
from vimesh.domain.vims import Modification, Status, Vim
from vimesh.store.sql_store import SqlStore

NOBODY = "00000000-0000-4000-8000-000000000000"
OF_A = replace(OPEN_CALLER, projects=frozenset({"a"}))


async def several(store: VimStore, count: int = 3) -> list[Vim]:
    return [await store.register(registration(labels={"region": "eu"})) for _ in range(count)]


async def test_vims_are_got_in_the_order_of_their_ids(store: VimStore) -> None:
    one, other, _ = await several(store)

    found = await store.bulk.get_many([other.id, NOBODY, one.id, other.id])

    assert [each if isinstance(each, Vim) else type(each) for each in found] == [other, VimNotFound, one, other]


async def test_large_vims_are_got_in_parts(store: VimStore) -> None:
    large = {"a": "x" * 60_000}
    vims = [await store.register(registration(extra=large, vim_project=large, placement_attr=large)) for _ in range(9)]
    ids = [vim.id for vim in vims]

    first = await store.bulk.get_many(ids)
    rest = await store.bulk.get_many(ids[len(first) :])

    assert 1 <= len(first) < len(ids)
    assert [*first, *rest] == vims


async def test_many_vims_are_changed_in_one_transaction_each_on_its_own(store: VimStore) -> None:
    vims = await several(store)
    await record(store, [report(vims[2], Status.REACHABLE)])
    changes, commits = await changes_in(store), store.statistics.commits
    label, target = Modification(labels=LabelChange({"tier": "1"})), Modification(auth_url="http://192.0.2.9/")

    results = await store.bulk.modify_many(
        [
            (vims[0].id, label),
            (NOBODY, label),
            (vims[1].id, replace(label, etag="other")),
            (vims[1].id, Modification(extra={"password": "***"})),
            (vims[2].id, target),
            (vims[0].id, label),
        ]
    )

    assert [type(result) for result in results] == [Vim, VimNotFound, EtagMismatch, BadInput, Vim, Vim]
    after = [await store.get(vim.id) for vim in vims]
    assert (results[0], results[4], results[5]) == (after[0], after[2], after[0])
    assert after[0].labels == {"region": "eu", "tier": "1"}
    assert after[1] == vims[1]
    assert (after[2].status, after[2].monitor.action_id != vims[2].monitor.action_id) == (Status.PENDING, True)
    assert (await changes_in(store), store.statistics.commits) == (changes + 2, commits + 1)
    events, _ = await store.events_of("", 2, "")
    assert [(event.kind, event.vim_id) for event in events] == [
        (EventKind.MODIFIED, vims[2].id),
        (EventKind.MODIFIED, vims[0].id),
    ]


async def test_many_vims_are_removed_in_one_transaction_each_on_its_own(store: VimStore) -> None:
    vims = await several(store)
    commits = store.statistics.commits

    removals = [Removal(vims[0].id, vims[0].etag), Removal(NOBODY), Removal(vims[1].id, "other"), Removal(vims[0].id)]
    results = await store.bulk.deregister_many(removals)

    assert results[0] == DeregisteredVim(vims[0].id, vims[0].name, "default")
    assert [type(result) for result in results[1:]] == [VimNotFound, EtagMismatch, VimNotFound]
    assert {vim.id for vim in (await store.list_vims(VimQuery())).vims} == {vims[1].id, vims[2].id}
    assert store.statistics.commits == commits + 1


async def test_vims_of_other_projects_do_not_exist(store: VimStore) -> None:
    ours = await store.register(registration(project_id="a"))
    theirs = await store.register(registration(project_id="b"))
    both = [ours.id, theirs.id]

    got = await store.bulk.get_many(both, OF_A)
    changed = await store.bulk.modify_many([(one, Modification(description="d")) for one in both], OF_A)
    removed = await store.bulk.deregister_many([Removal(one) for one in both], OF_A)

    assert [type(each) for each in (*got, *changed, *removed)] == [
        *(Vim, VimNotFound),
        *(Vim, VimNotFound),
        *(DeregisteredVim, VimNotFound),
    ]
    assert await store.get(theirs.id) == theirs


async def test_a_quota_refuses_those_that_exceed_it(database_url: str) -> None:
    quotas = Quotas(default=ProjectLimits(changes_per_s=3))
    async with store_at(database_url, lock_timeout_s=LOCK_TIMEOUT_S) as free:
        vims = await several(free, 5)
    async with store_at(database_url, lock_timeout_s=LOCK_TIMEOUT_S, quotas=quotas) as store:
        results = await store.bulk.modify_many([(vim.id, Modification(description="d")) for vim in vims])

    assert [type(result) for result in results] == [Vim] * 3 + [ChangeRateExceeded] * 2


async def contents(store: VimStore) -> object:
    events, _ = await store.events_of("", 1000, "")
    span = await store.span()
    return [(await store.list_vims(VimQuery())).vims, events, span, await store.logged_bytes()]


async def test_what_is_only_validated_changes_nothing_and_returns_the_same(store: VimStore) -> None:
    assert isinstance(store, SqlStore)
    await store.erase_removed()
    vim, other, _ = await several(store)
    before = await contents(store)
    again = registration(name="new", labels={"region": "us"}, request_id="r")

    would_be = await store.register(again, validate_only=True)
    changed = await store.modify(vim.id, Modification(name="n", labels={}, auth_cred={}), validate_only=True)
    project = await store.deregister(vim.id, validate_only=True)
    many = await store.bulk.modify_many([(vim.id, Modification(description="d"))], validate_only=True)
    gone = await store.bulk.deregister_many([Removal(vim.id), Removal(other.id)], validate_only=True)

    assert (would_be.name, would_be.labels, would_be.status) == ("new", {"region": "us"}, Status.PENDING)
    assert (changed.id, changed.name, changed.labels) == (vim.id, "n", {})
    assert project == "default"
    assert [type(each) for each in (*many, *gone)] == [Vim, DeregisteredVim, DeregisteredVim]
    assert await contents(store) == before
    assert not store._has_removed
    registered = await store.register(again)
    assert (registered.name, registered.revision) == ("new", would_be.revision)


async def refusal(call: object) -> str:
    with pytest.raises(VimeshError) as refused:
        await call  # type: ignore[misc]  # a call of the store
    return repr(refused.value)


async def test_what_is_only_validated_is_refused_alike(database_url: str) -> None:
    async with store_at(database_url, lock_timeout_s=LOCK_TIMEOUT_S) as free:
        vim = await free.register(registration(name="taken", is_default=True, request_id="r"))
        other = await free.register(registration())
    full = Quotas(exceptions={"full": ProjectLimits(vims=0)})
    async with store_at(database_url, lock_timeout_s=LOCK_TIMEOUT_S, quotas=full) as store:
        for wanted in (
            registration(project_id="full"),
            registration(name="taken"),
            registration(is_default=True),
            registration(vim_id=vim.id),
            registration(request_id="r"),
            registration(auth_cred={"password": "***"}),
        ):
            assert await refusal(store.register(wanted, validate_only=True)) == await refusal(store.register(wanted))
        for change in (
            Modification(name="taken"),
            Modification(is_default=True),
            Modification(name="x", etag="other"),
            Modification(extra={"password": "***"}),
        ):
            checked = await refusal(store.modify(other.id, change, validate_only=True))
            assert checked == await refusal(store.modify(other.id, change))
        assert await refusal(store.deregister(NOBODY, validate_only=True)) == await refusal(store.deregister(NOBODY))
        assert await store.get(other.id) == other
