"""Channelz answers on its socket, for the owner alone, and nowhere else."""

from __future__ import annotations

import stat
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import grpc
import pytest
from grpc_channelz.v1 import channelz_pb2, channelz_pb2_grpc

from tests.support.callers.buf_curl import buf_curl
from tests.support.deployments.conductors import conductor_at
from vimesh.conductor.conductor_process import ConductorSettings
from vimesh.domain.errors import BadSetting

WITHIN_S = 30


async def calls_by_peers(address: str) -> list[tuple[int, list[str]]]:
    """Return for each server how many calls have succeeded, and who is connected."""
    async with grpc.aio.insecure_channel(address) as channel:
        stub: Any = channelz_pb2_grpc.ChannelzStub(channel)
        found = []
        for server in (await stub.GetServers(channelz_pb2.GetServersRequest(), timeout=WITHIN_S)).server:
            request = channelz_pb2.GetServerSocketsRequest(server_id=server.ref.server_id)
            sockets = (await stub.GetServerSockets(request, timeout=WITHIN_S)).socket_ref
            found.append((server.data.calls_succeeded, [socket.name for socket in sockets]))
        return found


async def test_it_counts_the_calls_of_the_conductor_and_is_on_no_port(tmp_path: Path) -> None:
    # Not pytest's folder: the path of a Unix socket has to be short.
    with TemporaryDirectory(prefix="channelz-") as folder:
        socket = Path(folder) / "channelz"
        settings = ConductorSettings(channelz=f"unix:{socket}", drain_s=0, grace_s=1)
        async with conductor_at(tmp_path / "vimesh.sqlite", settings) as client:
            for _ in range(3):
                await client.register()
            servers = await calls_by_peers(settings.channelz)
            mode = stat.S_IMODE(socket.stat().st_mode)
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await calls_by_peers(client.address)
        with pytest.raises(grpc.aio.AioRpcError):
            await calls_by_peers(settings.channelz)

    calls, peers = max(servers)
    assert calls >= 3
    assert any("127.0.0.1" in peer for peer in peers), peers
    assert mode == 0o600
    assert refused.value.code() is grpc.StatusCode.UNIMPLEMENTED


@pytest.mark.parametrize("address", ["127.0.0.1:7999", "0.0.0.0:0", "/run/socket"])
def test_it_is_not_served_on_a_port(address: str) -> None:
    with pytest.raises(BadSetting, match="channelz"):
        ConductorSettings(channelz=address)


async def test_a_tool_needs_no_proto_files(tmp_path: Path) -> None:
    with TemporaryDirectory(prefix="channelz-") as folder:
        address = f"unix:{folder}/channelz"
        async with conductor_at(tmp_path / "vimesh.sqlite", ConductorSettings(channelz=address, drain_s=0)):
            listed = await buf_curl("localhost", "", "--list-services", "--unix-socket", f"{folder}/channelz")

    assert "grpc.channelz.v1.Channelz" in listed.split()
