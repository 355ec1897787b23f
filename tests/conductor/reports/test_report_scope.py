"""A caller reports only for its engines, on VIMs of its projects, and only such callers are told action ids (G14)."""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import grpc
import pytest

from tests.support.deployments.conductors import Client, report_on
from tests.support.deployments.secured_conductors import (
    ADMIN,
    DRIVER,
    EXECUTOR,
    MONITOR,
    OPERATOR,
    READER,
    REPORTER,
    client_as,
    secured,
)
from tests.support.sql.stores import sqlite_url, store_at
from vimesh.conductor.engines import Engines
from vimesh.domain.vims import Engine
from vimesh.v1 import conductor_service_pb2 as pb
from vimesh.v1 import vim_service_pb2
from vimesh.v1 import workflow_service_pb2 as workflows
from vimesh.v1.vim_pb2 import Monitor, Vim, VimEvent
from vimesh.wire.error_statuses import failure_of

WITHIN_S = 30
ENGINES = {"EMBEDDED": Monitor.EMBEDDED, "MISTRAL": Monitor.MISTRAL, "EXTERNAL": Monitor.EXTERNAL}
REPORTERS = {"EMBEDDED": MONITOR, "MISTRAL": EXECUTOR, "EXTERNAL": REPORTER}
OTHERS_REPORTER = ("spiffe://vimesh/bridge/b2", "reporter", "b")

Clients = dict[str, Client]


@pytest.fixture
async def clients(tmp_path: Path) -> AsyncGenerator[Clients]:
    who = {
        **REPORTERS,
        "admin": ADMIN,
        "driver": DRIVER,
        "operator": OPERATOR,
        "reader": READER,
        "other": OTHERS_REPORTER,
    }
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(store_at(sqlite_url(tmp_path / "vimesh.sqlite")))
        address = await stack.enter_async_context(secured(store, tmp_path, engines=Engines(Engine.MISTRAL)))
        yield {name: await stack.enter_async_context(client_as(address, one)) for name, one in who.items()}


async def registered(client: Client, engine: str, project_id: str = "a") -> Vim:
    request = vim_service_pb2.RegisterVimRequest(
        vim=Vim(name=f"vim-{uuid.uuid4()}", type="openstack", auth_url="http://192.0.2.1/", project_id=project_id),
        engine=ENGINES[engine],
    )
    return (await client.vims.RegisterVim(request, timeout=WITHIN_S)).vim


async def in_batch(client: Client, *reports: pb.UpdateVimRequest) -> list[str]:
    answer = await client.conductor.UpdateVims(pb.UpdateVimsRequest(reports=reports), timeout=WITHIN_S)
    return [one.WhichOneof("outcome") or "" for one in answer.outcomes]


@pytest.mark.parametrize("engine", ENGINES)
async def test_a_wanted_action_may_be_reported_by_its_engine_alone(clients: Clients, engine: str) -> None:
    vim = await registered(clients["admin"], engine)
    for reporter in REPORTERS:
        # Twice: not only the first report is judged, but also one that is known already.
        for observation in (1, 1):
            report = report_on(vim, Vim.REACHABLE, observation)
            if reporter == engine:
                assert await in_batch(clients[reporter], report) == ["status"]
                assert (await clients[reporter].report(vim, Vim.REACHABLE, observation)).status == Vim.REACHABLE
                continue
            assert await in_batch(clients[reporter], report) == ["refused"]
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await clients[reporter].report(vim, Vim.UNREACHABLE, observation)
            assert failure_of(refused.value).reason == "PERMISSION_DENIED"
    for reporter in set(REPORTERS) - {engine}:
        assert await in_batch(clients[reporter], report_on(vim, Vim.UNREACHABLE, 9)) == ["refused"]

    assert (await clients["admin"].get(vim.id)).status == Vim.REACHABLE


async def test_one_refused_report_keeps_no_other_from_being_recorded(clients: Clients) -> None:
    mine, other = [await registered(clients["admin"], engine) for engine in ("EMBEDDED", "MISTRAL")]
    bad = report_on(mine, Vim.REACHABLE, reason="not a word")
    reports = [report_on(vim, Vim.REACHABLE, 1) for vim in (other, mine)]

    assert await in_batch(clients["EMBEDDED"], *reports, bad) == ["refused", "status", "refused"]
    assert (await clients["admin"].get(mine.id)).status == Vim.REACHABLE


async def test_an_action_that_is_not_wanted_is_told_so_whoever_runs_it(clients: Clients) -> None:
    vim = await registered(clients["admin"], "EMBEDDED")
    for reporter in REPORTERS:
        report = report_on(vim, Vim.REACHABLE, action_id=str(uuid.uuid4()))
        assert await in_batch(clients[reporter], report) == ["bad_action"]
        gone = report_on(Vim(id=str(uuid.uuid4())), Vim.REACHABLE, action_id=str(uuid.uuid4()))
        assert await in_batch(clients[reporter], gone) == ["bad_action"]


async def test_the_id_of_a_vim_is_no_action_of_a_monitor(clients: Clients) -> None:
    """It may become the wanted one at any moment, when the VIM moves to EXTERNAL."""
    vim = await registered(clients["admin"], "EMBEDDED")

    assert await in_batch(clients["EMBEDDED"], report_on(vim, Vim.REACHABLE, action_id=vim.id)) == ["refused"]


async def test_a_vim_of_another_project_is_reported_on_like_one_that_does_not_exist(clients: Clients) -> None:
    vim = await registered(clients["admin"], "EXTERNAL")
    report = report_on(vim, Vim.UNREACHABLE, 1)

    assert await in_batch(clients["other"], report) == ["bad_action"]
    assert await in_batch(clients["EXTERNAL"], report) == ["status"]
    assert await in_batch(clients["other"], report) == ["bad_action"]
    assert (await clients["other"].report(vim, Vim.REACHABLE, 2)).WhichOneof("outcome") == "bad_action"
    assert (await clients["admin"].get(vim.id)).status == Vim.UNREACHABLE


async def test_the_change_says_who_reported_it(clients: Clients) -> None:
    vim = await registered(clients["admin"], "EMBEDDED")
    await in_batch(clients["EMBEDDED"], report_on(vim, Vim.REACHABLE, 1))
    await clients["EMBEDDED"].report(vim, Vim.UNREACHABLE, 2)
    request = vim_service_pb2.ListVimEventsRequest(vim_id=vim.id)
    events = (await clients["admin"].vims.ListVimEvents(request, timeout=WITHIN_S)).events

    assert [event.actor for event in events] == [MONITOR[0], MONITOR[0], ADMIN[0]]


@pytest.mark.parametrize("engine", ENGINES)
async def test_actions_are_watched_by_their_engine_and_in_their_projects(clients: Clients, engine: str) -> None:
    vim = await registered(clients["admin"], engine)
    hidden = await registered(clients["admin"], engine, project_id="b")
    request = pb.WatchActionsRequest(engine=ENGINES[engine])
    for reporter in REPORTERS:
        stream: Any = clients[reporter].conductor.WatchActions(request, timeout=WITHIN_S)
        if reporter != engine:
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await stream.read()
            assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED
            continue
        wanted: list[str] = []
        while not (message := await stream.read()).revision:
            wanted += [action.vim_id for action in message.wanted]
        later = [await registered(clients["admin"], engine, project_id=project) for project in ("b", "a")]
        await clients["admin"].deregister(hidden.id)
        await clients["admin"].deregister(vim.id)
        started, stopped = list[str](), list[str]()
        while vim.id not in stopped:
            message = await stream.read()
            started += [action.vim_id for action in message.wanted]
            stopped += [action.vim_id for action in message.unwanted]
        stream.cancel()
        sees_all = engine != "EXTERNAL"
        assert sorted(wanted) == sorted([vim.id, hidden.id] if sees_all else [vim.id])
        assert sorted(started) == sorted(one.id for one in (later if sees_all else later[1:]))
        assert stopped == ([hidden.id, vim.id] if sees_all else [vim.id])


async def test_only_who_may_report_is_told_the_ids_of_actions(clients: Clients) -> None:
    """Everywhere: a VIM alone, in lists, in snapshots, in changes, old and new."""
    vims = {engine: await registered(clients["operator"], engine) for engine in ENGINES}
    ids = {vim.id: (await clients["admin"].get(vim.id)).monitor.action_id for vim in vims.values()}
    secret = [action_id for vim_id, action_id in ids.items() if action_id != vim_id]
    reader, operator = clients["reader"], clients["operator"]
    for client in (reader, operator):
        stream: Any = client.vims.WatchVims(vim_service_pb2.WatchVimsRequest(snapshot=True), timeout=WITHIN_S)
        answers: list[object] = [await client.get(vim.id) for vim in vims.values()]
        answers += [await client.vims.ListVims(vim_service_pb2.ListVimsRequest(), timeout=WITHIN_S)]
        answers += [await client.vims.ListVimEvents(vim_service_pb2.ListVimEventsRequest(), timeout=WITHIN_S)]
        while not (message := await stream.read()).revision:
            answers.append(message)
        for vim in vims.values():
            changed = Vim(id=vim.id, auth_url=f"http://192.0.2.2/{uuid.uuid4()}")
            request = vim_service_pb2.ModifyVimRequest(vim=changed)
            answers.append(await operator.vims.ModifyVim(request, timeout=WITHIN_S))
            secret.append((await clients["admin"].get(vim.id)).monitor.action_id)
        events: list[VimEvent] = []
        while len(events) < len(vims):
            events += (await stream.read()).events
        stream.cancel()
        text = str([*answers, *events])
        assert secret
        assert not [one for one in secret if one in text]
        assert all(vim_id in text for vim_id in ids)
    stream = clients["admin"].vims.WatchVims(vim_service_pb2.WatchVimsRequest(start_revision=2), timeout=WITHIN_S)
    await stream.read()
    assert all(event.action_id for event in (await stream.read()).events)
    stream.cancel()


async def test_views_are_reported_by_monitors_and_tell_their_actions_to_nobody_else(clients: Clients) -> None:
    admin, reader = clients["admin"], clients["reader"]
    fields = Vim(name="seen", type="openstack", auth_url="http://192.0.2.1/", project_id="a")
    fields.probe_policy.vantages.extend(("eu", "us"))
    request = vim_service_pb2.RegisterVimRequest(vim=fields, engine=Monitor.EMBEDDED)
    vim = await admin.get((await admin.vims.RegisterVim(request, timeout=WITHIN_S)).vim.id)
    eu = vim.views[0].action_id
    stream: Any = reader.vims.WatchVims(vim_service_pb2.WatchVimsRequest(snapshot=True), timeout=WITHIN_S)
    answers: list[object] = []
    while not (message := await stream.read()).revision:
        answers.append(message)
    report = report_on(vim, Vim.REACHABLE, 1, action_id=eu)

    assert await in_batch(clients["MISTRAL"], report) == ["refused"]
    assert await in_batch(clients["EMBEDDED"], report) == ["status"]
    answers += [await reader.get(vim.id), await stream.read()]
    listed = vim_service_pb2.ListVimEventsRequest(vim_id=vim.id)
    answers.append(await reader.vims.ListVimEvents(listed, timeout=WITHIN_S))
    stream.cancel()

    text = str(answers)
    assert not [view.action_id for view in vim.views if view.action_id in text]
    assert text.count('vantage: "eu"') >= len(answers) - 1
    [event, _] = (await admin.vims.ListVimEvents(listed, timeout=WITHIN_S)).events
    assert (event.view.vantage, event.view.action_id, event.actor) == ("eu", eu, MONITOR[0])


async def test_an_error_of_mistral_does_not_tell_the_id_either(clients: Clients) -> None:
    vim = await registered(clients["admin"], "MISTRAL")
    action_id = (await clients["admin"].get(vim.id)).monitor.action_id
    driver = clients["driver"].workflows
    [task] = (
        await driver.ClaimWorkflowTasks(workflows.ClaimWorkflowTasksRequest(claimant="test"), timeout=WITHIN_S)
    ).tasks
    await driver.FinishWorkflowTask(
        workflows.FinishWorkflowTaskRequest(
            task_id=task.task_id, claim_token=task.claim_token, error=f"execution {action_id} failed"
        ),
        timeout=WITHIN_S,
    )

    assert (await clients["admin"].get(vim.id)).monitor.last_error == f"execution {action_id} failed"
    assert (await clients["reader"].get(vim.id)).monitor.last_error == "execution *** failed"


async def test_an_id_that_moved_to_another_project_is_not_the_former_ones_any_more(clients: Clients) -> None:
    """Though the conductor has it in memory as it was."""
    admin, vim_id = clients["admin"], str(uuid.uuid4())

    async def register(project_id: str) -> Vim:
        request = vim_service_pb2.RegisterVimRequest(
            vim=Vim(name="lab", type="openstack", auth_url="http://192.0.2.1/", project_id=project_id),
            engine=Monitor.EXTERNAL,
            vim_id=vim_id,
        )
        return (await admin.vims.RegisterVim(request, timeout=WITHIN_S)).vim

    report = report_on(await register("a"), Vim.REACHABLE, 1)
    for _ in range(3):
        assert await in_batch(clients["EXTERNAL"], report) == ["status"]
    await admin.deregister(vim_id)
    await register("b")

    assert await in_batch(clients["EXTERNAL"], report) == ["bad_action"]
    assert (await admin.get(vim_id)).status == Vim.PENDING
