"""Conductors that have no room: the bridge comes again when they say, and not before."""

from __future__ import annotations

import asyncio
from random import Random

import grpc
from google.protobuf.any_pb2 import Any
from google.rpc import error_details_pb2, status_pb2

from vimesh.bridge.calls.conductor_client import ConductorClient
from vimesh.v1 import conductor_service_pb2 as pb
from vimesh.v1 import vim_pb2
from vimesh.v1.conductor_service_pb2_grpc import (
    ConductorServiceServicer,
    ConductorServiceStub,
    add_ConductorServiceServicer_to_server,
)
from vimesh.v1.vim_service_pb2_grpc import VimServiceStub

_DELAY_S = 1.5
_WITHIN_S = 20


class _Full(ConductorServiceServicer):
    """Refuses the first call, and takes the next one."""

    def __init__(self) -> None:
        self.times: list[float] = []

    async def UpdateVim(  # noqa: N802 - gRPC's name
        self, request: pb.UpdateVimRequest, context: grpc.aio.ServicerContext[object, object]
    ) -> pb.UpdateVimResponse:
        self.times.append(asyncio.get_running_loop().time())
        if len(self.times) == 1:
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "full", _come_again())
        return pb.UpdateVimResponse(status=request.status)


def _come_again() -> tuple[tuple[str, bytes]]:
    retry = error_details_pb2.RetryInfo()
    retry.retry_delay.FromMilliseconds(int(_DELAY_S * 1000))
    packed = Any()
    packed.Pack(retry)
    status = status_pb2.Status(code=8, message="full", details=[packed])
    return (("grpc-status-details-bin", status.SerializeToString()),)


async def test_a_call_is_made_again_when_the_conductor_asks_for_it() -> None:
    full = _Full()  # type: ignore[abstract]  # nothing else is called
    server = grpc.aio.server()
    add_ConductorServiceServicer_to_server(full, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        conductors = ConductorClient(ConductorServiceStub(channel), VimServiceStub(channel), random=Random(1))
        deadline = asyncio.get_running_loop().time() + _WITHIN_S
        recorded = await conductors.report("vim", "action", "REACHABLE", deadline)
    await server.stop(None)

    assert recorded is not None
    assert recorded.status == vim_pb2.Vim.Status.Name(vim_pb2.Vim.REACHABLE)
    first, second = full.times
    assert second - first >= _DELAY_S
