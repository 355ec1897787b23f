"""What every BulkStore does to make VIMs what they should be, and what it leaves to others."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from tests.support.sql.stores import changes_in, registration
from vimesh.domain.bulk.apply_plan import AppliedVim, ApplyRules, DesiredVim
from vimesh.domain.bulk.bulk_store import MAX_CHANGES
from vimesh.domain.errors import ApplyConflict, EtagMismatch, NotInApplySet, VimeshError
from vimesh.domain.events import EventKind
from vimesh.domain.labels.label_change import LabelChange
from vimesh.domain.probing import PolicyChange
from vimesh.domain.queries import VimQuery
from vimesh.domain.vim_store import VimStore
from vimesh.domain.vims import Modification, Vim

OPS = ApplyRules("ops")
ELSEWHERE = ApplyRules("elsewhere")
URL = "http://192.0.2.1:5000/v3"


def desired(name: str = "lab", **fields: Any) -> DesiredVim:  # noqa: ANN401 - any field of a Modification
    given = {"type": "openstack", "auth_url": URL, **fields}
    plain = frozenset(given) - {"labels", "policy"}
    labels = frozenset(f"labels.{key}" for key in given["labels"].values) if "labels" in given else frozenset[str]()
    interval = frozenset({"probe_policy.interval"}) if "policy" in given else frozenset[str]()
    return DesiredVim("default", name, Modification(**given), plain | labels | interval)


LAB = desired(
    auth_cred={"username": "nfv", "password": "s3cret"},
    extra={"rack": "7", "tags": ["a", None]},
    labels=LabelChange({"region": "eu"}),
    policy=PolicyChange(interval_s=20.0),
)


def kind_of(result: AppliedVim | VimeshError) -> object:
    return result.kind if isinstance(result, AppliedVim) else type(result)


async def applied(
    store: VimStore, *wanted: DesiredVim, rules: ApplyRules = OPS, only_check: bool = False
) -> list[object]:
    return [kind_of(one) for one in await store.bulk.apply_many(wanted, rules, validate_only=only_check)]


async def stored(store: VimStore, name: str = "lab") -> Vim:
    [vim] = [vim for vim in (await store.list_vims(VimQuery())).vims if vim.name == name]
    return vim


async def test_a_vim_is_registered_and_then_left_alone(store: VimStore) -> None:
    assert await applied(store, LAB, only_check=True) == [EventKind.REGISTERED]
    assert (await store.list_vims(VimQuery())).vims == []

    [first] = await store.bulk.apply_many([LAB], OPS)
    changes, commits = await changes_in(store), store.statistics.commits
    vim = await stored(store)

    assert kind_of(first) == EventKind.REGISTERED
    assert await store.bulk.apply_many([LAB], OPS) == [AppliedVim(None, vim.id, vim.etag)]
    assert (await changes_in(store), store.statistics.commits) == (changes, commits)
    assert (vim.extra, vim.labels, vim.policy.interval_s) == (
        {"rack": "7", "tags": ["a", None]},
        {"region": "eu"},
        20.0,
    )
    assert (vim.applied and vim.applied.apply_set, vim.applied and vim.applied.fields) == ("ops", LAB.fields)


async def test_what_differs_is_changed_and_what_is_not_named_any_more_gets_its_default(store: VimStore) -> None:
    await applied(store, LAB)
    wanted = desired(auth_cred={"username": "nfv", "password": "other"}, labels=LabelChange({"site": "a"}))

    [changed] = await store.bulk.apply_many([wanted], OPS)

    assert isinstance(changed, AppliedVim)
    assert {one.field: (one.before, one.after) for one in changed.changes} == {
        "auth_cred": ('{"password": "***", "username": "nfv"}',) * 2,
        "extra": ('{"rack": "7", "tags": ["a", null]}', "{}"),
        "labels.region": ('"eu"', ""),
        "labels.site": ("", '"a"'),
        "probe_policy.interval": ("20s", "10s"),
    }
    vim = await stored(store)
    assert (vim.extra, vim.labels) == ({}, {"site": "a"})
    assert await applied(store, wanted) == [None]


async def test_what_others_have_set_is_a_conflict_unless_it_is_taken(store: VimStore) -> None:
    await applied(store, LAB)
    vim = await stored(store)
    await store.modify(vim.id, Modification(labels=LabelChange({"region": "ap", "owner": "ann"})))
    changes = await changes_in(store)

    assert await applied(store, LAB) == [ApplyConflict]
    assert await changes_in(store) == changes
    assert await applied(store, LAB, rules=replace(OPS, force=True)) == [EventKind.MODIFIED]
    assert (await stored(store)).labels == {"region": "eu", "owner": "ann"}


async def test_a_vim_belongs_to_one_set(store: VimStore) -> None:
    await store.register(registration(name="by hand", auth_url=URL))
    await applied(store, LAB)
    gone = [replace(one, absent=True) for one in (LAB, desired("by hand"), desired("nobody"))]

    assert await applied(store, LAB, desired("by hand"), rules=ELSEWHERE) == [NotInApplySet, NotInApplySet]
    assert await applied(store, *gone, rules=ELSEWHERE) == [NotInApplySet, NotInApplySet, None]
    assert await applied(store, desired("by hand"), rules=replace(OPS, adopt=True)) == [EventKind.MODIFIED]
    assert await applied(store, *gone) == [EventKind.DEREGISTERED, EventKind.DEREGISTERED, None]
    assert (await store.list_vims(VimQuery())).vims == []


async def test_a_plan_that_somebody_has_overtaken_changes_nothing(store: VimStore) -> None:
    await applied(store, LAB)
    vim = await stored(store)
    await store.modify(vim.id, Modification(description="theirs"))
    wanted = replace(LAB, modification=replace(LAB.modification, auth_url="http://192.0.2.9/"))
    changes = await changes_in(store)

    outcomes = await applied(
        store,
        replace(wanted, etag=vim.etag),
        replace(wanted, name="another", etag=vim.etag),
        replace(wanted, name="new", is_new=True),
    )

    assert outcomes == [EtagMismatch, EtagMismatch, EventKind.REGISTERED]
    assert await applied(store, replace(wanted, is_new=True)) == [EtagMismatch]
    assert await changes_in(store) == changes + 1


async def test_two_who_apply_at_once_lose_no_change(store: VimStore) -> None:
    names = [f"vim-{number:03}" for number in range(MAX_CHANGES + 10)]
    await applied(store, *map(desired, names[::2]))
    changes = await changes_in(store)
    labelled = [desired(name, labels=LabelChange({"region": "eu"})) for name in names]

    results = await asyncio.gather(applied(store, *labelled), applied(store, *labelled))

    assert {kind for pair in results for kind in pair} <= {EventKind.REGISTERED, EventKind.MODIFIED, None, EtagMismatch}
    assert all(vim.labels == {"region": "eu"} for vim in (await store.list_vims(VimQuery(page_size=1000))).vims)
    assert await changes_in(store) == changes + len(names)
    assert await applied(store, *labelled) == [None] * len(names)
