"""A watch tells of each message, of a connection that breaks, and of each attempt that fails after that."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import grpc

from vimesh.client.calls.front_stubs import connected
from vimesh.client.watches.resumable_watch import ConnectionNews, watch
from vimesh.v1 import vim_service_pb2 as pb
from vimesh.v1.vim_service_pb2_grpc import VimServiceServicer, add_VimServiceServicer_to_server


class OneMessage(VimServiceServicer):
    """Sends one message on each watch, and nothing more."""

    async def WatchVims(  # noqa: N802 - grpc's name
        self,
        request: pb.WatchVimsRequest,  # noqa: ARG002 - grpc's
        context: Any,  # noqa: ANN401, ARG002 - as above
    ) -> AsyncIterator[pb.WatchVimsResponse]:
        yield pb.WatchVimsResponse(revision=7)
        await asyncio.Event().wait()


async def serving(port: int = 0) -> tuple[grpc.aio.Server, int]:
    server = grpc.aio.server(options=(("grpc.so_reuseport", 0),))
    add_VimServiceServicer_to_server(OneMessage(), server)  # type: ignore[abstract]  # it serves one RPC
    taken = server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    return server, taken


async def test_the_reasons_of_later_attempts_are_told_too() -> None:
    server, port = await serving()
    told: list[str] = []
    failed_again = asyncio.Event()

    def still_lost(error: grpc.aio.AioRpcError) -> None:
        told.append(f"still lost: {error.code().name}")
        failed_again.set()

    news = ConnectionNews(
        lost=lambda _: told.append("lost"),
        still_lost=still_lost,
        back=lambda: told.append("back"),
        heard=lambda: told.append("heard"),
    )
    async with (
        connected(f"127.0.0.1:{port}", 10.0) as front,
        aclosing(watch(front, link=news)) as updates,
        asyncio.timeout(60),
    ):
        await anext(updates)
        await server.stop(None)
        following = asyncio.ensure_future(anext(updates))
        await failed_again.wait()
        server, _ = await serving(port)
        await following
    await server.stop(None)

    assert told[:3] == ["heard", "lost", "still lost: UNAVAILABLE"]
    assert told[-2:] == ["back", "heard"]
