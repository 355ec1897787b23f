"""VIMs that have an id elsewhere, and VIMs that move between engines, as clients see it."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterable

import grpc
import pytest

from tests.support.deployments.conductors import Client
from vimesh.v1 import conductor_service_pb2 as reports
from vimesh.v1 import vim_service_pb2 as pb
from vimesh.v1.vim_pb2 import Monitor, Vim
from vimesh.wire.error_statuses import failure_of


def registering(
    vim_id: str = "", engine: Monitor.Engine.ValueType = Monitor.ENGINE_UNSPECIFIED
) -> pb.RegisterVimRequest:
    vim = Vim(name=f"vim-{uuid.uuid4()}", type="openstack", auth_url="http://127.0.0.1:5000/v3")
    return pb.RegisterVimRequest(vim=vim, vim_id=vim_id, engine=engine)


async def register(client: Client, request: pb.RegisterVimRequest) -> Vim:
    return (await client.vims.RegisterVim(request, timeout=30)).vim


async def move(client: Client, vim: Vim, engine: Monitor.Engine.ValueType) -> Vim:
    return (await client.vims.ModifyVim(pb.ModifyVimRequest(vim=Vim(id=vim.id), engine=engine), timeout=30)).vim


async def moves_until(
    stream: AsyncIterable[reports.WatchActionsResponse], revision: int
) -> tuple[list[str], list[str]]:
    """Follow a watch up to a revision; return the ids of the actions that became wanted and unwanted."""
    wanted: list[str] = []
    unwanted: list[str] = []
    async for response in stream:
        wanted += [action.action_id for action in response.wanted]
        unwanted += [action.action_id for action in response.unwanted]
        if response.revision >= revision:
            break
    return wanted, unwanted


async def test_an_id_is_taken_over_in_lower_case_and_only_once(client: Client) -> None:
    vim_id = str(uuid.uuid4())

    assert (await register(client, registering(vim_id.upper()))).id == vim_id

    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await register(client, registering(vim_id))
    failure = failure_of(failed.value)
    assert (failure.code, failure.reason) == (grpc.StatusCode.ALREADY_EXISTS, "VIM_ID_TAKEN")
    assert failure.metadata == {"vim_id": vim_id}


async def test_an_id_must_be_a_uuid(client: Client) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await register(client, registering("../etc"))
    assert [violation.field for violation in failure_of(failed.value).violations] == ["vim_id"]


async def test_each_engine_hears_of_the_moves_that_concern_it(client: Client) -> None:
    embedded = client.conductor.WatchActions(reports.WatchActionsRequest(), timeout=20)
    external = client.conductor.WatchActions(reports.WatchActionsRequest(engine=Monitor.EXTERNAL), timeout=20)
    for stream in (embedded, external):
        assert (await anext(aiter(stream))).revision

    vim = await register(client, registering())
    moved = await move(client, vim, Monitor.EXTERNAL)
    back = await move(client, vim, Monitor.EMBEDDED)

    assert moved.monitor.action_id == vim.id
    # What is not wanted any more when the stream comes to it is not shown as wanted.
    wanted, unwanted = await moves_until(embedded, back.revision)
    assert (wanted[-1], unwanted) == (back.monitor.action_id, [vim.monitor.action_id])
    _, unwanted = await moves_until(external, back.revision)
    assert unwanted == [vim.id]


async def test_a_move_keeps_everything_else(client: Client) -> None:
    vim = await register(client, registering())

    moved = await move(client, vim, Monitor.EXTERNAL)

    changed = {field.name for field, _ in moved.ListFields() if getattr(vim, field.name) != getattr(moved, field.name)}
    assert changed <= {"monitor", "revision", "etag", "update_time", "status_time"}


async def test_an_engine_that_does_not_run_here_is_refused(client: Client) -> None:
    vim = await register(client, registering())

    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await move(client, vim, Monitor.MISTRAL)

    failure = failure_of(failed.value)
    assert (failure.code, failure.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "ENGINE_NOT_SERVED")
    assert (await client.get(vim.id)).monitor == vim.monitor
