"""A server can say which call it works on, also to somebody outside."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from tests.support.deployments.conductors import client_at
from vimesh.rpc.guarded_server import GuardedServer
from vimesh.v1 import vim_service_pb2 as pb
from vimesh.v1.vim_service_pb2_grpc import VimServiceServicer, add_VimServiceServicer_to_server
from vimesh.watchdog.calls import Calls
from vimesh.watchdog.work_record import open_record, read_work
from vimesh.wire.message_rules import Rules

ID = "a76cd7ce-64bc-4d1f-9c77-61f1f8d5e9d3"
GET, WATCH = "/vimesh.v1.VimService/GetVim", "/vimesh.v1.VimService/WatchVims"


class Curious(VimServiceServicer):
    """Looks into the record while it serves."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.seen: list[str | None] = []

    def look(self) -> None:
        work = read_work(self._path)
        self.seen.append(None if work is None else work.text)

    async def GetVim(self, request: pb.GetVimRequest, context: Any) -> pb.GetVimResponse:  # noqa: ANN401, N802, ARG002 - as gRPC has it
        self.look()
        raise ValueError("broken")

    async def WatchVims(self, request: pb.WatchVimsRequest, context: Any) -> AsyncIterator[pb.WatchVimsResponse]:  # noqa: ANN401, N802, ARG002 - as gRPC has it
        self.look()
        yield pb.WatchVimsResponse(revision=1)
        self.look()
        yield pb.WatchVimsResponse(revision=2)


async def test_a_call_is_noted_until_it_has_ended_and_a_stream_until_its_first_response(tmp_path: Path) -> None:
    path = tmp_path / "conductor.work"
    with open_record(path) as opened:
        calls, server = Calls(opened.record), grpc.aio.server()
        curious = Curious(path)  # type: ignore[abstract]  # the other calls are not made
        edge: Any = GuardedServer(server, Rules(), calls=calls)
        add_VimServiceServicer_to_server(curious, edge)
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        async with client_at(f"127.0.0.1:{port}") as client:
            with pytest.raises(grpc.aio.AioRpcError):
                await client.get(ID)
            curious.look()
            assert calls.newest == GET
            watched = [response.revision async for response in client.vims.WatchVims(pb.WatchVimsRequest(), timeout=5)]
        await server.stop(None)

    assert watched == [1, 2]
    assert calls.newest == WATCH
    assert curious.seen == [GET, None, WATCH, None]
