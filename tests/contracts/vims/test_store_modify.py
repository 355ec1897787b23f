"""What every VimStore does when people modify VIMs."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from tests.support.sql.stores import changes_in, newest_event, record, registration, report
from vimesh.domain.errors import BadInput, DefaultTaken, EtagMismatch, NameTaken
from vimesh.domain.events import EventKind
from vimesh.domain.probing import Method, PolicyChange, ProbePolicy
from vimesh.domain.vim_store import VimStore
from vimesh.domain.vims import BadAction, Engine, Modification, Recorded, Status, Vim

SECRETS = {"username": "admin", "password": "s3cret", "project": {"project_name": "nfv", "token": "t0ken"}}
MASKED = {"username": "admin", "password": "***", "project": {"project_name": "nfv", "token": "***"}}


async def test_a_modification_changes_what_it_names(store: VimStore) -> None:
    vim = await store.register(registration(auth_cred=SECRETS))
    await record(store, [report(vim, Status.REACHABLE, 3)])
    before = await store.get(vim.id)

    after = await store.modify(vim.id, Modification(name="new", description="d", extra={"a": 1}, is_default=True))

    assert after == await store.get(vim.id)
    assert (after.name, after.description, after.extra, after.is_default) == ("new", "d", {"a": 1}, True)
    assert (after.status, after.monitor, after.auth_cred) == (Status.REACHABLE, before.monitor, MASKED)
    assert after.etag != before.etag
    event = await newest_event(store)
    assert (event.kind, event.revision) == (EventKind.MODIFIED, after.revision)
    assert event.vim == replace(after, auth_cred={})
    assert event.changed_fields == ("name", "description", "extra", "is_default")
    assert event.omitted_fields == {"vim_project", "auth_cred", "placement_attr"}
    assert (event.stopped_action_id, event.starts_in(Engine.EMBEDDED)) == ("", False)


@pytest.mark.parametrize(
    "target",
    [
        Modification(auth_url="http://192.0.2.9/"),
        Modification(type="kubernetes"),
        Modification(policy=ProbePolicy(method=Method.PING)),
        Modification(policy=PolicyChange(fail_for_s=6.0)),
    ],
)
async def test_a_new_target_swaps_the_action_and_is_pending(store: VimStore, vim: Vim, target: Modification) -> None:
    """G11."""
    await record(store, [report(vim, Status.UNREACHABLE, 7, reason="TIMEOUT", detail="no answer")])

    after = await store.modify(vim.id, target)

    assert after.monitor.action_id != vim.monitor.action_id
    assert after.monitor.contact_time is None
    assert (after.status, after.reason, after.detail) == (Status.PENDING, "", "")
    event = await newest_event(store)
    assert (event.action_id, event.stopped_action_id) == (after.monitor.action_id, vim.monitor.action_id)
    assert (event.status, event.previous_status) == (Status.PENDING, Status.UNREACHABLE)
    [action] = await store.actions_of([vim.id])
    assert (action.action_id, action.auth_url, action.observation) == (event.action_id, after.auth_url, 0)
    assert await record(store, [report(vim, Status.REACHABLE, 8)]) == [BadAction()]
    assert await record(store, [report(after, Status.REACHABLE, 1)]) == [Recorded(Status.REACHABLE)]


async def test_a_modification_that_changes_nothing_leaves_no_event(store: VimStore) -> None:
    vim = await store.register(registration(auth_cred=SECRETS, extra={"a": [1]}))
    same = Modification(
        name=vim.name,
        auth_url=vim.auth_url,
        policy=vim.policy,
        extra={"a": [1]},
        auth_cred=vim.auth_cred,
        is_default=False,
    )

    assert await store.modify(vim.id, same) == vim
    assert await store.modify(vim.id, Modification()) == vim
    assert await changes_in(store) == 1


async def test_true_and_one_differ(store: VimStore) -> None:
    vim = await store.register(registration(extra={"a": 1.0}, auth_cred={"username": "u", "cert_verify": 1.0}))

    after = await store.modify(vim.id, Modification(extra={"a": True}))
    assert after.extra["a"] is True
    after = await store.modify(vim.id, Modification(auth_cred={"username": "u", "cert_verify": True}))
    assert after.auth_cred["cert_verify"] is True


async def test_an_etag_holds_until_the_next_modification_and_not_the_next_status(store: VimStore, vim: Vim) -> None:
    await record(store, [report(vim, Status.REACHABLE)])
    after = await store.modify(vim.id, Modification(name="a", etag=vim.etag))

    with pytest.raises(EtagMismatch):
        await store.modify(vim.id, Modification(name="b", etag=vim.etag))
    with pytest.raises(EtagMismatch):
        await store.modify(vim.id, Modification(etag=vim.etag))
    await store.modify(vim.id, Modification(name="b", etag=after.etag))


async def test_of_two_modifications_with_one_etag_one_wins(store: VimStore, vim: Vim) -> None:
    done = await asyncio.gather(
        *(store.modify(vim.id, Modification(name=f"n{i}", etag=vim.etag)) for i in range(4)),
        return_exceptions=True,
    )

    assert sum(isinstance(result, Vim) for result in done) == 1
    assert sum(isinstance(result, EtagMismatch) for result in done) == 3


async def test_a_taken_name_or_default_changes_nothing(store: VimStore, vim: Vim) -> None:
    await store.register(registration(name="taken", is_default=True))

    with pytest.raises(NameTaken):
        await store.modify(vim.id, Modification(name="taken", description="never"))
    with pytest.raises(DefaultTaken):
        await store.modify(vim.id, Modification(is_default=True, description="never"))

    assert await store.get(vim.id) == vim
    assert await changes_in(store) == 2


async def test_a_default_can_be_handed_over(store: VimStore, vim: Vim) -> None:
    default = await store.register(registration(is_default=True))

    await store.modify(default.id, Modification(is_default=False))

    assert (await store.modify(vim.id, Modification(is_default=True))).is_default


async def test_masked_credentials_keep_what_is_stored(store: VimStore) -> None:
    vim = await store.register(registration(auth_cred=SECRETS))

    changed = await store.modify(vim.id, Modification(auth_cred={**MASKED, "username": "root"}))

    assert changed.auth_cred == {**MASKED, "username": "root"}
    # What was put back is what was there: sending it in full is no change.
    same = await store.modify(vim.id, Modification(auth_cred={**SECRETS, "username": "root"}))
    assert same.revision == changed.revision


async def test_a_mask_that_stands_for_nothing_is_refused(store: VimStore, vim: Vim) -> None:
    with pytest.raises(BadInput, match=r"auth_cred\.password"):
        await store.modify(vim.id, Modification(auth_cred={"password": "***"}))
