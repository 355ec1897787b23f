"""What every VimStore does when people register and deregister VIMs."""

from __future__ import annotations

import asyncio
import datetime as dt
from dataclasses import replace

import pytest

from tests.support.sql.stores import changes_in, newest_event, record, registration, report
from vimesh.domain.errors import BadInput, DefaultTaken, NameTaken, RequestIdReused, VimNotFound
from vimesh.domain.events import EventKind
from vimesh.domain.filters.parse_filter import parse_filter
from vimesh.domain.filters.vim_filter import Filter
from vimesh.domain.probing import Method, ProbePolicy
from vimesh.domain.queries import VimQuery, parse_order
from vimesh.domain.vim_store import VimStore
from vimesh.domain.vims import Engine, Modification, MonitorState, Status, Vim

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


async def test_a_new_vim_has_nothing_that_a_mask_could_stand_for(store: VimStore) -> None:
    with pytest.raises(BadInput, match=r"vim\.auth_cred\.more\.token"):
        await store.register(registration(auth_cred={"username": "nfv", "more": {"token": "***"}}))
    assert await changes_in(store) == 0


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
    page = await store.list_vims(VimQuery(Filter(), parse_order("name")))
    assert [vim.name for vim in page.vims] == sorted(names)
