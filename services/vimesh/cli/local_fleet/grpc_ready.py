"""Waits until a gRPC server reports that it serves (grpc.health.v1)."""

from __future__ import annotations

import asyncio
from pathlib import Path

import grpc
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub

from vimesh.rpc.channels import channel

_ASK_EVERY_S = 0.05
_ANSWER_WITHIN_S = 1.0


async def until_serving(address: str, credentials: Path | None = None) -> None:
    """Return as soon as the server reports SERVING. `credentials`: see `channel`."""
    async with channel(address, credentials) as opened:
        stub = HealthStub(opened)
        while not await _serves(stub):  # noqa: ASYNC110 - another process cannot set an event here
            await asyncio.sleep(_ASK_EVERY_S)


async def _serves(stub: HealthStub) -> bool:
    try:
        answer = await stub.Check(HealthCheckRequest(), timeout=_ANSWER_WITHIN_S, wait_for_ready=True)
    except grpc.aio.AioRpcError:
        return False
    return bool(answer.status == HealthCheckResponse.SERVING)
