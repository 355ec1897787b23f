"""The conductors of a fleet on one machine serve channelz on sockets of their own, if that is asked for."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_channelz.v1 import channelz_pb2, channelz_pb2_grpc

from tests.support.callers.commands import Command
from vimesh.store.upgrade.manage_tables import newest

pytestmark = pytest.mark.fleet


def test_each_conductor_has_a_socket_for_its_owner(user: Command) -> None:
    """The shared fleet was started with `--channelz`."""
    conductors = [one for one in user("status", "-o", "json").json["processes"] if one["kind"] == "CONDUCTOR"]
    assert {one["facts"]["tables"] for one in conductors} == {newest()}
    sockets = [Path(one["facts"]["listen"].removeprefix("unix:") + ".channelz") for one in conductors]
    servers = [_servers(socket) for socket in sockets]

    assert [stat.S_IMODE(socket.stat().st_mode) for socket in sockets] == [0o600, 0o600]
    assert sum(server.data.calls_succeeded for shown in servers for server in shown) > 0


def _servers(socket: Path) -> Any:  # noqa: ANN401 - generated messages without types
    with grpc.insecure_channel(f"unix:{socket}") as channel:
        stub: Any = channelz_pb2_grpc.ChannelzStub(channel)
        return stub.GetServers(channelz_pb2.GetServersRequest(), timeout=30).server
