"""The sample clients do what they say, against a conductor."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import uuid
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import pytest

from tests.support.callers.recorder import recording
from tests.support.deployments.conductors import Client, conductor_at
from tests.support.deployments.rest_doors import scripted
from vimesh.v1 import vim_pb2
from vimesh.v1 import vim_service_pb2 as pb
from vimesh.v1.vim_service_pb2_grpc import VimServiceServicer

SAMPLES = Path(__file__).parents[2] / "samples"
NODE = shutil.which("node") or "node"
Command = list[str | Path]
Context = grpc.aio.ServicerContext[object, object]

each_client = pytest.mark.parametrize(
    "command",
    [[sys.executable, SAMPLES / "python/watch.py"], [NODE, SAMPLES / "node/watch.js"]],
    ids=["python", "node"],
)


async def started(command: Command, address: str) -> Process:
    environment = {**os.environ, "VIMESH_ADDRESS": address}
    return await asyncio.create_subprocess_exec(
        *command, "http://127.0.0.1:5000/v3", env=environment, stdout=PIPE, stderr=PIPE
    )


@each_client
async def test_a_sample_client_registers_watches_and_deregisters(tmp_path: Path, command: Command) -> None:
    async with conductor_at(tmp_path / "vimesh.sqlite") as client, recording(client) as seen:
        process = await started(command, client.address)
        await seen.until(lambda: bool(seen.events), 20)
        await say_reachable(client, seen.events[0].vim)
        output, _ = await asyncio.wait_for(process.communicate(), 20)

    first = seen.events[0].revision
    assert output.decode().splitlines() == [
        f"{first} REGISTERED PENDING",
        f"{first + 1} STATUS_CHANGED REACHABLE ",
        "deregistered",
    ]
    assert process.returncode == 0


async def say_reachable(client: Client, vim: vim_pb2.Vim) -> None:
    """Report as the VIM's ping action would."""
    await client.report(vim, vim_pb2.Vim.REACHABLE)


class Fruitless(VimServiceServicer):
    """A conductor whose watches end as they do for who has waited long enough."""

    def __init__(self) -> None:
        self.present: set[str] = set()

    async def RegisterVim(self, request: pb.RegisterVimRequest, context: Context) -> pb.RegisterVimResponse:  # noqa: ARG002, N802 - the RPC
        vim_id = str(uuid.uuid4())
        self.present.add(vim_id)
        return pb.RegisterVimResponse(vim=vim_pb2.Vim(id=vim_id, status=vim_pb2.Vim.PENDING, revision=1))

    async def WatchVims(self, request: pb.WatchVimsRequest, context: Context) -> AsyncIterator[pb.WatchVimsResponse]:  # noqa: N802 - the RPC
        assert request.vim_id in self.present
        yield pb.WatchVimsResponse(revision=1)
        await context.abort(grpc.StatusCode.DEADLINE_EXCEEDED, "Deadline Exceeded")

    async def DeregisterVim(self, request: pb.DeregisterVimRequest, context: Context) -> pb.DeregisterVimResponse:  # noqa: ARG002, N802 - the RPC
        self.present.remove(request.vim_id)
        return pb.DeregisterVimResponse()


@each_client
async def test_a_sample_client_leaves_nothing_behind_when_the_vim_is_not_reachable_in_time(command: Command) -> None:
    conductor = Fruitless()  # type: ignore[abstract]  # the other calls are not made
    async with scripted(conductor) as address:
        process = await started(command, address)
        output, errors = await asyncio.wait_for(process.communicate(), 20)

    assert output.decode().splitlines() == ["1 REGISTERED PENDING", "deregistered"]
    assert errors.decode().splitlines()[-1] == "not REACHABLE within 30 s"
    assert process.returncode == 1
    assert not conductor.present
