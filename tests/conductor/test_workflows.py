"""The side of those who drive a workflow engine."""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator, Coroutine
from pathlib import Path

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration

from tests.support.deployments.conductors import Client, conductor_at
from vimesh.conductor.conductor_process import ConductorSettings
from vimesh.conductor.engines import Engines
from vimesh.domain.vims import Engine
from vimesh.v1 import conductor_service_pb2, vim_pb2, vim_service_pb2
from vimesh.v1 import workflow_service_pb2 as pb
from vimesh.wire.error_statuses import RpcFailure, failure_of


@pytest.fixture
async def mistral(tmp_path: Path) -> AsyncGenerator[Client]:
    """A conductor whose new VIMs run in Mistral."""
    settings = ConductorSettings(engines=Engines(Engine.MISTRAL), drain_s=0, grace_s=1)
    async with conductor_at(tmp_path / "vimesh.sqlite", settings) as client:
        yield client


async def claim(client: Client, max_tasks: int = 10) -> list[pb.WorkflowTask]:
    request = pb.ClaimWorkflowTasksRequest(claimant="me", max_tasks=max_tasks)
    return list((await client.workflows.ClaimWorkflowTasks(request, timeout=30)).tasks)


async def finish(client: Client, task: pb.WorkflowTask, error: str = "", **fields: object) -> None:
    request = pb.FinishWorkflowTaskRequest(
        task_id=task.task_id,
        claim_token=task.claim_token,
        error=error,
        **fields,  # type: ignore[arg-type]  # by name
    )
    await client.workflows.FinishWorkflowTask(request, timeout=30)


async def refused(call: Coroutine[object, object, object]) -> RpcFailure:
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await call
    return failure_of(failed.value)


async def register(client: Client, engine: vim_pb2.Monitor.Engine.ValueType) -> vim_pb2.Vim:
    vim = vim_pb2.Vim(name=str(uuid.uuid4()), type="openstack", auth_url="http://127.0.0.1:5000/v3")
    request = vim_service_pb2.RegisterVimRequest(vim=vim, engine=engine)
    return (await client.vims.RegisterVim(request, timeout=30)).vim


async def test_a_vim_is_started_and_stopped_through_tasks(mistral: Client) -> None:
    """G9."""
    vim = await mistral.register()
    assert vim.monitor.engine == vim_pb2.Monitor.MISTRAL
    assert (vim.monitor.state, vim.monitor.workflow_name) == (vim_pb2.Monitor.WAITING, f"vim_id_{vim.id}")

    [start] = await claim(mistral)
    assert (start.kind, start.attempt, start.workflow_name) == (pb.WorkflowTask.START, 1, f"vim_id_{vim.id}")
    assert (start.action.vim_id, start.action.action_id) == (vim.id, vim.monitor.action_id)
    assert (start.action.auth_url, start.action.probe_policy) == (vim.auth_url, vim.probe_policy)
    await finish(mistral, start)
    assert (await mistral.get(vim.id)).monitor.state == vim_pb2.Monitor.STARTING
    await mistral.report(vim, vim_pb2.Vim.REACHABLE, 1)
    assert (await mistral.get(vim.id)).monitor.state == vim_pb2.Monitor.RUNNING

    await mistral.deregister(vim.id)
    [stop] = await claim(mistral)
    assert (stop.kind, stop.vim_gone, stop.workflow_name) == (pb.WorkflowTask.STOP, True, f"vim_id_{vim.id}")
    assert (stop.action.vim_id, stop.action.action_id) == (vim.id, vim.monitor.action_id)
    assert not stop.action.HasField("probe_policy")
    await finish(mistral, stop)
    assert await claim(mistral) == []


async def test_trouble_is_shown_on_the_vim(mistral: Client) -> None:
    vim = await mistral.register()
    [task] = await claim(mistral)

    await finish(mistral, task, error="Mistral: 503 Service Unavailable")

    monitor = (await mistral.get(vim.id)).monitor
    assert (monitor.state, monitor.last_error) == (vim_pb2.Monitor.WAITING, "Mistral: 503 Service Unavailable")


async def test_one_task_is_leased_unless_more_are_asked_for(mistral: Client) -> None:
    for _ in range(5):
        await mistral.register()

    assert [len(await claim(mistral, count)) for count in (0, 3, 10)] == [1, 3, 1]


async def test_a_task_that_is_not_the_callers_any_more_is_not_found(mistral: Client) -> None:
    await mistral.register()
    [task] = await claim(mistral)
    stolen = pb.WorkflowTask(task_id=task.task_id, claim_token="another")

    assert (await refused(finish(mistral, stolen))).reason == "TASK_NOT_FOUND"
    await finish(mistral, task)
    assert (await refused(finish(mistral, task))).reason == "TASK_NOT_FOUND"


async def test_what_went_wrong_is_not_put_off_as_if_it_had_not(mistral: Client) -> None:
    await mistral.register()
    [task] = await claim(mistral)

    failure = await refused(finish(mistral, task, error="x", retry_after=Duration(seconds=1)))

    assert [violation.field for violation in failure.violations] == ["retry_after"]
    await finish(mistral, task, retry_after=Duration(seconds=1))
    assert await claim(mistral) == []


async def test_an_engine_that_was_not_set_up_is_refused(client: Client) -> None:
    failure = await refused(register(client, vim_pb2.Monitor.MISTRAL))

    assert (failure.code, failure.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "ENGINE_NOT_SERVED")
    assert (await register(client, vim_pb2.Monitor.ENGINE_UNSPECIFIED)).monitor.engine == vim_pb2.Monitor.EMBEDDED


async def test_where_mistral_is_set_up_the_embedded_engine_is_served_too(mistral: Client) -> None:
    vim = await register(mistral, vim_pb2.Monitor.EMBEDDED)

    assert vim.monitor.engine == vim_pb2.Monitor.EMBEDDED
    assert await claim(mistral) == []


async def test_actions_of_each_engine_are_watched_apart(mistral: Client) -> None:
    embedded = await register(mistral, vim_pb2.Monitor.EMBEDDED)
    vim = await mistral.register()

    for engine, wanted in ((vim_pb2.Monitor.MISTRAL, vim), (vim_pb2.Monitor.EMBEDDED, embedded)):
        request = conductor_service_pb2.WatchActionsRequest(engine=engine)
        async for told in mistral.conductor.WatchActions(request, timeout=30):
            assert [action.action_id for action in told.wanted] == [wanted.monitor.action_id]
            break

    stream = aiter(
        mistral.conductor.WatchActions(
            conductor_service_pb2.WatchActionsRequest(engine=vim_pb2.Monitor.MISTRAL), timeout=30
        )
    )
    while not (await anext(stream)).revision:
        pass
    await mistral.deregister(embedded.id)
    await mistral.deregister(vim.id)
    assert [action.vim_id for action in (await anext(stream)).unwanted] == [vim.id]


async def test_a_task_is_finished_by_its_id_in_upper_case(mistral: Client) -> None:
    vim = await mistral.register()
    [start] = await claim(mistral)

    start.task_id = start.task_id.upper()
    await finish(mistral, start)

    assert (await mistral.get(vim.id)).monitor.state == vim_pb2.Monitor.STARTING
