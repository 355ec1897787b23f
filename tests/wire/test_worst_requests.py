"""No request costs a conductor more than 200 ms of CPU, whatever is in it, up to the longest that is taken (G13)."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from tests.support.callers.worst_requests import worst_requests
from tests.support.deployments.conductor_process import Conductor, conductor_in
from tests.support.deployments.conductors import client_at
from tests.support.timing.cpu_budget import slowness
from vimesh.v1 import vim_service_pb2 as pb
from vimesh.v1.vim_pb2 import Monitor, Vim
from vimesh.wire.limits import MAX_BATCH_BYTES, max_request_bytes

pytestmark = pytest.mark.alone

_MOST_S = 0.2
_TRIES = 15
"""A request is measured again only if it seemed to cost too much. The cheapest try counts: what else runs only adds.
Where the machine is slower than the one that the limit is of, so much is taken off.

The dearest are 500 new VIMs, with as much in them as a batch may have.
"""
_STREAMS = ("WatchVims", "WatchActions", "ServeProbes")
_REFUSALS = (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND, grpc.StatusCode.ALREADY_EXISTS)
"""INTERNAL and UNKNOWN would be faults of the conductor, UNAVAILABLE its end."""


@pytest.fixture
def conductor(tmp_path: Path) -> Iterator[Conductor]:
    with conductor_in(tmp_path) as started:
        yield started


def cpu_s(conductor: Conductor) -> float:
    tasks = Path(f"/proc/{conductor.process.pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


async def registered(channel: grpc.aio.Channel, count: int) -> list[str]:
    vim_ids = [str(uuid.uuid4()) for _ in range(count)]
    requests = [
        pb.RegisterVimRequest(
            vim=Vim(name=vim_id, type="openstack", auth_url="http://127.0.0.1/"), vim_id=vim_id, engine=Monitor.EXTERNAL
        )
        for vim_id in vim_ids
    ]
    call: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary("/vimesh.v1.VimService/RegisterVims")
    for first in range(0, count, 500):
        await call(pb.RegisterVimsRequest(requests=requests[first : first + 500]).SerializeToString(), timeout=60)
    return vim_ids


async def answered(channel: grpc.aio.Channel, method: str, request: bytes) -> None:
    """Call, and wait for the answer, the first of a stream, or the refusal."""
    try:
        if method.endswith(_STREAMS):
            stream: grpc.aio.UnaryStreamMultiCallable[bytes, bytes] = channel.unary_stream(method)
            async for _ in stream(request, timeout=60):
                return
        else:
            call: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(method)
            await call(request, timeout=60)
    except grpc.aio.AioRpcError as error:
        if error.code() not in _REFUSALS:
            raise


async def cost_s(conductor: Conductor, channel: grpc.aio.Channel, method: str, request: bytes) -> float:
    before_s = cpu_s(conductor)
    await answered(channel, method, request)
    await answered(channel, "/vimesh.v1.VimService/GetVim", b"")  # after what was still to be done for the other one
    spent_s = cpu_s(conductor) - before_s
    return spent_s if spent_s < _MOST_S else spent_s / slowness()


def new_vims(total_bytes: int) -> bytes:
    """Return 500 registrations of names that are not taken, whose texts are longest where they are stored."""
    requests = [pb.RegisterVimRequest(vim=Vim(name=str(uuid.uuid4()), type="openstack")) for _ in range(500)]
    for number, request in enumerate(requests):
        request.vim.auth_url = f"http://192.0.2.{number % 250}:5000/v3"
        for struct in (request.vim.vim_project, request.vim.auth_cred, request.vim.placement_attr, request.vim.extra):
            struct.update({"a": "\x01" * (total_bytes // 2000 - 45)})
    return pb.RegisterVimsRequest(requests=requests).SerializeToString()


@pytest.mark.parametrize("total_bytes", [MAX_BATCH_BYTES, max_request_bytes("RegisterVims")])
async def test_no_new_vims_cost_more_than_200_ms(conductor: Conductor, total_bytes: int) -> None:
    """They are other ones in each try: what is registered already costs less."""
    costs_s: list[float] = []
    async with client_at(conductor.address) as client:
        while len(costs_s) < _TRIES and min(costs_s, default=_MOST_S) >= _MOST_S:
            request = new_vims(total_bytes)
            assert 0.8 * total_bytes < len(request) < total_bytes
            costs_s.append(await cost_s(conductor, client.channel, "/vimesh.v1.VimService/RegisterVims", request))

    assert min(costs_s) < _MOST_S


@pytest.mark.timeout(600)
async def test_no_request_costs_more_than_200_ms(conductor: Conductor) -> None:
    costly: dict[tuple[str, str], float] = {}
    async with client_at(conductor.address) as client:
        for method, name, request in worst_requests(await registered(client.channel, 1000)):
            costs_s: list[float] = []
            while len(costs_s) < _TRIES and min(costs_s, default=_MOST_S) >= _MOST_S:
                costs_s.append(await cost_s(conductor, client.channel, method, request))
            if min(costs_s) >= _MOST_S:
                costly[method, name] = min(costs_s)

    assert costly == {}
