"""What every VimStore does when people register, modify and deregister VIMs."""

from __future__ import annotations

import asyncio
import datetime as dt
from dataclasses import replace

import pytest

from tests.support.sql.stores import changes_in, newest_event, record, registration, report
from vimesh.domain.errors import (
    BadInput,
    DefaultTaken,
    EtagMismatch,
    NameTaken,
    RequestIdReused,
    VimNotFound,
)
from vimesh.domain.events import EventKind
from vimesh.domain.probing import Method, PolicyChange, ProbePolicy
from vimesh.domain.queries import VimQuery, parse_filter, parse_order
from vimesh.domain.vim_store import VimStore
from vimesh.domain.vims import (
    BadAction,
    Engine,
    Modification,
    MonitorState,
    Recorded,
    Status,
    Vim,
)

SECRETS = {"username": "admin", "password": "s3cret", "project": {"project_name": "nfv", "token": "t0ken"}}
MASKED = {"username": "admin", "password": "***", "project": {"project_name": "nfv", "token": "***"}}


async def test_a_registered_vim_is_pending_and_complete(store: VimStore) -> None:
    wanted = registration(
        description="in the lab",
        type="kubernetes",
        vim_project={"name": "nfv", "tags": ["a", {"b": None}]},
        auth_cred=SECRETS,
        is_default=True,
        placement_attr={"regions": ["RegionOne"]},
        extra={"räck": 7.5},
        policy=ProbePolicy(method=Method.TCP, interval_s=2.5, tls_verify=True, fail_for_s=6.5),
        engine=Engine.MISTRAL,
    )

    vim = await store.register(wanted)

    assert vim == await store.get(vim.id)
    same = ("name", "project_id", "description", "type", "auth_url", "vim_project", "placement_attr", "extra", "policy")
    assert [getattr(vim, field) for field in same] == [getattr(wanted, field) for field in same]
    assert (vim.is_default, vim.auth_cred) == (True, MASKED)
    assert (vim.status, vim.reason, vim.detail, vim.round_trip_s) == (Status.PENDING, "", "", None)
    assert (vim.monitor.engine, vim.monitor.state) == (Engine.MISTRAL, MonitorState.WAITING)
    assert (vim.monitor.contact_time, vim.monitor.last_error) == (None, "")
    assert vim.create_time == vim.update_time == vim.status_time
    assert abs(dt.datetime.now(dt.UTC) - vim.create_time) < dt.timedelta(seconds=30)
    assert vim.revision == 2


async def test_registering_leaves_one_event_with_the_vim(store: VimStore, vim: Vim) -> None:
    event = await newest_event(store)

    assert (event.kind, event.revision, event.vim) == (EventKind.REGISTERED, vim.revision, vim)
    assert (event.action_id, event.stopped_action_id) == (vim.monitor.action_id, "")


async def test_a_name_is_taken_once_in_a_project(store: VimStore) -> None:
    await store.register(registration(name="lab", project_id="one"))
    await store.register(registration(name="Lab", project_id="one"))
    await store.register(registration(name="lab", project_id="two"))

    with pytest.raises(NameTaken):
        await store.register(registration(name="lab", project_id="one"))

    assert await changes_in(store) == 3


async def test_a_project_has_one_default_even_if_all_come_at_once(store: VimStore) -> None:
    made = await asyncio.gather(
        *(store.register(registration(is_default=True)) for _ in range(8)),
        return_exceptions=True,
    )

    assert sum(isinstance(vim, Vim) for vim in made) == 1
    assert sum(isinstance(vim, DefaultTaken) for vim in made) == 7
    assert await changes_in(store) == 1


async def test_a_repeated_request_is_answered_with_the_vim_as_it_is_now(store: VimStore) -> None:
    wanted = registration(request_id="r1", auth_cred=SECRETS)
    vim = await store.register(wanted)
    await record(store, [report(vim, Status.REACHABLE)])

    again = await store.register(wanted)

    assert again == await store.get(vim.id)
    assert again.status is Status.REACHABLE
    assert await changes_in(store) == 2


async def test_the_same_request_at_once_makes_one_vim(store: VimStore) -> None:
    wanted = registration(request_id="r1")

    made = await asyncio.gather(*(store.register(wanted) for _ in range(8)))

    assert len({vim.id for vim in made}) == 1


async def test_a_request_id_is_not_used_for_another_vim(store: VimStore) -> None:
    wanted = registration(request_id="r1", auth_cred={"password": "a"})
    vim = await store.register(wanted)

    with pytest.raises(RequestIdReused):
        await store.register(replace(wanted, auth_cred={"password": "b"}))
    await store.deregister(vim.id)
    with pytest.raises(RequestIdReused):
        await store.register(wanted)


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


async def test_a_new_vim_has_nothing_that_a_mask_could_stand_for(store: VimStore) -> None:
    with pytest.raises(BadInput, match=r"vim\.auth_cred\.more\.token"):
        await store.register(registration(auth_cred={"username": "nfv", "more": {"token": "***"}}))
    assert await changes_in(store) == 0


async def test_a_mask_that_stands_for_nothing_is_refused(store: VimStore, vim: Vim) -> None:
    with pytest.raises(BadInput, match=r"auth_cred\.password"):
        await store.modify(vim.id, Modification(auth_cred={"password": "***"}))


async def test_what_is_not_there_cannot_be_read_modified_or_removed(store: VimStore, vim: Vim) -> None:
    await store.deregister(vim.id)

    for call in (store.get(vim.id), store.modify(vim.id, Modification(name="x")), store.deregister(vim.id)):
        with pytest.raises(VimNotFound):
            await call
    assert await changes_in(store) == 2


async def test_a_deregistered_vim_leaves_its_last_state_and_a_free_name(store: VimStore, vim: Vim) -> None:
    await record(store, [report(vim, Status.REACHABLE)])
    last = await store.get(vim.id)

    await store.deregister(vim.id)

    event = await newest_event(store)
    assert (event.kind, event.status, event.vim) == (
        EventKind.DEREGISTERED,
        Status.REACHABLE,
        replace(last, revision=event.revision),
    )
    assert (event.action_id, event.stopped_action_id) == (vim.monitor.action_id, vim.monitor.action_id)
    assert await store.actions_of([vim.id]) == []
    await store.register(registration(name=vim.name))


async def test_whatever_json_can_say_comes_back_as_it_was(store: VimStore) -> None:
    odd = {"nul": "a\x00b", "emoji": "\U0001f600", "quote": "'\"\\%|", "": None, "number": 1.5, "list": [1, {"a": []}]}
    vim = await store.register(
        registration(description="\U0001f600 'x' %s :a", extra=odd, auth_cred={"password": "ä" * 60_000})
    )

    found = await store.get(vim.id)

    assert found.extra == odd
    assert found.description == "\U0001f600 'x' %s :a"
    assert found.auth_cred == {"password": "***"}


async def test_names_that_differ_in_case_accents_or_blanks_are_different(store: VimStore) -> None:
    names = ["lab", "LAB", "Lab", "läb", "lab\u0301", "lab ", " lab"]

    for name in names:
        await store.register(registration(name=name))

    page = await store.list_vims(VimQuery(parse_filter('name = "lab"'), parse_order("name")))
    assert [vim.name for vim in page.vims] == ["lab"]
    page = await store.list_vims(VimQuery((), parse_order("name")))
    assert [vim.name for vim in page.vims] == sorted(names)
