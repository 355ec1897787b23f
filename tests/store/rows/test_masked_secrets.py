"""No secret leaves a conductor, by whatever answer, stream, task or log line."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message

from tests.support.deployments.conductors import Client, conductor_at, report_on
from vimesh.conductor.conductor_process import ConductorSettings
from vimesh.conductor.engines import Engines
from vimesh.domain.vims import Engine
from vimesh.v1 import conductor_service_pb2, vim_pb2, workflow_service_pb2
from vimesh.v1 import vim_service_pb2 as pb

SECRET = "hunter2"
FIELDS = {
    "auth_url": f"http://{SECRET}:{SECRET}@127.0.0.1:5000/v3?region=r&access_token={SECRET}",
    "auth_cred": {"username": "u", "password": SECRET, "oidc_token_url": f"http://h/?token={SECRET}"},
    "vim_project": {"name": "nfv", "Admin-Password": SECRET},
    "placement_attr": {"regions": ["RegionOne"], "sites": [{"apiKey": SECRET}]},
    "extra": {"a": {"b": {"client_secret": SECRET}}, "repository": f"https://git:{SECRET}@h/?sig={SECRET}"},
}


@pytest.fixture
async def client(tmp_path: Path) -> AsyncGenerator[Client]:
    async with conductor_at(tmp_path / "vimesh.sqlite") as client:
        yield client


@pytest.fixture
async def mistral(tmp_path: Path) -> AsyncGenerator[Client]:
    settings = ConductorSettings(engines=Engines(Engine.MISTRAL), drain_s=0, grace_s=1)
    async with conductor_at(tmp_path / "mistral.sqlite", settings) as client:
        yield client


async def stream_of(call: Any, messages: int) -> list[Message]:  # noqa: ANN401 - of any messages
    try:
        return [await asyncio.wait_for(call.read(), 30) for _ in range(messages)]
    finally:
        call.cancel()


async def test_no_secret_is_in_any_answer(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    vim = await client.register(**FIELDS)
    said: list[Message] = [vim]
    change = vim_pb2.Vim(id=vim.id, description="d", extra=vim.extra, auth_cred=vim.auth_cred)
    change.extra.update({"n": 1})
    paths = ["description", "extra", "auth_cred"]
    request = pb.ModifyVimRequest(vim=change, update_mask=FieldMask(paths=paths))
    said.append(await client.vims.ModifyVim(request, timeout=30))
    await client.conductor.UpdateVim(
        report_on(vim, vim_pb2.Vim.UNREACHABLE, 1, reason="TLS", detail=f"https://u:{SECRET}@h/?key={SECRET} failed"),
        timeout=30,
    )
    said.append(await client.vims.GetVim(pb.GetVimRequest(vim_id=vim.id), timeout=30))
    said.append(await client.vims.ListVims(pb.ListVimsRequest(), timeout=30))
    said.append(await client.vims.ListVimEvents(pb.ListVimEventsRequest(vim_id=vim.id), timeout=30))
    said += await stream_of(client.vims.WatchVims(pb.WatchVimsRequest(snapshot=True), timeout=30), 1)
    said += await stream_of(client.vims.WatchVims(pb.WatchVimsRequest(start_revision=2), timeout=30), 2)
    said += await stream_of(
        client.conductor.WatchActions(conductor_service_pb2.WatchActionsRequest(engine=vim_pb2.Monitor.EMBEDDED)), 1
    )
    said.append(await client.vims.DeregisterVim(pb.DeregisterVimRequest(vim_id=vim.id), timeout=30))

    text = "\n".join(map(str, said))
    assert "RegionOne" in text
    assert "https://u:***@h/?key=*** failed" in text
    assert text.count("***") > 20
    assert SECRET not in text
    assert SECRET not in caplog.text


async def test_no_secret_is_in_a_refusal(client: Client) -> None:
    for fields in (
        {**FIELDS, "auth_url": f"http://admin:{SECRET}"},
        {**FIELDS, "extra": {"token": "***", "password": SECRET}},
        {**FIELDS, "name": ""},
    ):
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await client.register(**fields)
        assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert SECRET not in str(refused.value) + str(refused.value.trailing_metadata())


async def test_no_secret_is_in_a_task_for_mistral_or_in_the_error_of_one(mistral: Client) -> None:
    vim = vim_pb2.Vim(name="a", type="openstack", **FIELDS)  # type: ignore[arg-type]  # fields by name
    asked = pb.RegisterVimRequest(vim=vim, engine=vim_pb2.Monitor.MISTRAL)
    registered = (await mistral.vims.RegisterVim(asked, timeout=30)).vim
    claim = workflow_service_pb2.ClaimWorkflowTasksRequest(claimant="api")
    claimed = await mistral.workflows.ClaimWorkflowTasks(claim, timeout=30)
    [task] = claimed.tasks

    await mistral.workflows.FinishWorkflowTask(
        workflow_service_pb2.FinishWorkflowTaskRequest(
            task_id=task.task_id, claim_token=task.claim_token, error=f"http://u:{SECRET}@mistral/ refused"
        ),
        timeout=30,
    )

    vim = await mistral.get(registered.id)
    assert "http://u:***@mistral/ refused" in vim.monitor.last_error
    assert "access_token=***" in str(claimed)
    assert SECRET not in str(claimed) + str(vim)
