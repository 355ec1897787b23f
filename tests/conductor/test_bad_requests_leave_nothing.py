"""What is refused leaves nothing behind: a conductor's memory stays as it is, however many bad requests come (G13)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from tests.support.callers.bad_requests import BAD_REQUESTS
from tests.support.deployments.conductor_process import Conductor, conductor_in
from vimesh.rpc.channels import channel
from vimesh.v1.conductor_service_pb2 import UpdateVimsResponse
from vimesh.wire.error_statuses import failure_of

_COUNT = 1000
_GROWTH_MB = 20
"""Requests that stayed would make it 100 MB, and those of a stream 15 MB."""


@pytest.fixture(scope="module")
def conductor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Conductor]:
    with conductor_in(tmp_path_factory.mktemp("conductor")) as started:
        yield started


def resident_mb(pid: int) -> float:
    [line] = [line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS")]
    return int(line.split()[1]) / 1024


async def outcome_of(to: grpc.aio.Channel, method: str, request: bytes) -> str:
    """Call; return the word for what became of it."""
    try:
        if method.endswith("WatchVims"):
            stream: grpc.aio.UnaryStreamMultiCallable[bytes, bytes] = to.unary_stream(method)
            async for _ in stream(request, timeout=30):
                return "the stream stands"
        call: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = to.unary_unary(method)
        return str(UpdateVimsResponse.FromString(await call(request, timeout=30)).outcomes[0].WhichOneof("outcome"))
    except grpc.aio.AioRpcError as error:
        return failure_of(error).reason


async def refuse(to: grpc.aio.Channel, method: str, request: bytes, count: int) -> None:
    outcomes = {await outcome_of(to, method, request) for _ in range(count)}
    assert outcomes <= {"BAD_INPUT", "VIM_NOT_FOUND", "refused"}


@pytest.mark.parametrize(("method", "request_bytes"), BAD_REQUESTS.values(), ids=BAD_REQUESTS)
async def test_a_thousand_bad_requests_leave_no_memory_behind(
    conductor: Conductor, method: str, request_bytes: bytes
) -> None:
    async with channel(conductor.address) as to:
        await refuse(to, method, request_bytes, _COUNT // 10)
        before_mb = resident_mb(conductor.process.pid)

        await refuse(to, method, request_bytes, _COUNT)

        assert resident_mb(conductor.process.pid) - before_mb < _GROWTH_MB
