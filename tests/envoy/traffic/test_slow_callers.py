"""Callers that say nothing, or say it endlessly slowly, are ended; those that wait for news are not."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import pytest
from grpc import aio

from tests.envoy.frames import (
    END_HEADERS,
    END_STREAM,
    GOAWAY,
    HEADERS,
    RST_STREAM,
    connection,
    frame,
    grpc_headers,
)
from tests.envoy.scripted import Scripted
from tests.support.callers.caller import LIMIT_S, ask, report
from tests.support.deployments.envoys import RunningEnvoy, running_envoy
from tests.support.timing.waiting import eventually
from vimesh.v1 import vim_service_pb2 as vims
from vimesh.v1.conductor_service_pb2_grpc import ConductorServiceStub
from vimesh.v1.vim_service_pb2_grpc import VimServiceStub

_OPTIONS = "common_http_protocol_options:\n            idle_timeout: "
IDLE = {f"{_OPTIONS}60s": f"{_OPTIONS}4s"}
SOON = {
    f"{_OPTIONS}60s": f"{_OPTIONS}1s",
    "request_headers_timeout: 10s": "request_headers_timeout: 1s",
    "request_timeout: 30s": "request_timeout: 1s",
}
DRIP_S = 0.1
BEGUN_HEADERS = b"GET /v1/vims HTTP/1.1\r\nhost: front\r\nx: "
BEGUN_BODY = b"POST /v1/vims HTTP/1.1\r\nhost: front\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n"


@asynccontextmanager
async def hasty_envoy(first: Scripted, more: Mapping[str, str] | None = None) -> AsyncGenerator[RunningEnvoy]:
    async with running_envoy([first.address], instead={**SOON, **(more or {})}) as envoy:
        await envoy.until_healthy([first.address])
        yield envoy


async def opened(address: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    host, _, port = address.rpartition(":")
    return await asyncio.open_connection(host, int(port))


async def drip(writer: asyncio.StreamWriter) -> None:
    """Send a byte now and then, until cancelled."""
    while True:
        writer.write(b"a")
        await asyncio.sleep(DRIP_S)


@pytest.mark.parametrize(
    ("begun", "answer"),
    [(b"", b""), (BEGUN_HEADERS, b"HTTP/1.1 408 "), (BEGUN_BODY, b"HTTP/1.1 408 ")],
    ids=["silent", "headers", "body"],
)
async def test_who_never_comes_to_an_end_is_ended(first: Scripted, begun: bytes, answer: bytes) -> None:
    async with hasty_envoy(first) as envoy:
        reader, writer = await opened(envoy.address)
        writer.write(begun)
        dripping = asyncio.ensure_future(drip(writer)) if begun else None
        async with asyncio.timeout(LIMIT_S):
            said = await reader.readline()
        if dripping is not None:
            dripping.cancel()
        writer.transport.abort()

    assert said.startswith(answer)
    assert not first.calls


async def test_a_grpc_message_that_never_ends_is_ended(first: Scripted) -> None:
    async with hasty_envoy(first) as envoy, connection(envoy.address) as slow, asyncio.timeout(LIMIT_S):
        await slow.send([frame(HEADERS, END_HEADERS, 1, grpc_headers("/vimesh.v1.VimService/GetVim"))])
        async for answer in slow.frames():
            if answer.kind == HEADERS:
                break

    assert answer.flags & END_STREAM
    assert not first.calls


async def test_headers_that_never_end_are_ended_over_http2_too(first: Scripted) -> None:
    async with hasty_envoy(first) as envoy, connection(envoy.address) as slow, asyncio.timeout(LIMIT_S):
        await slow.send([frame(HEADERS, 0, 1, grpc_headers("/vimesh.v1.VimService/GetVim"))])
        async for answer in slow.frames():
            if answer.kind in (HEADERS, RST_STREAM, GOAWAY):
                break

    assert answer.kind in (HEADERS, RST_STREAM, GOAWAY)
    assert not first.calls


async def test_a_watch_outlives_what_idle_connections_do_not(first: Scripted) -> None:
    async with hasty_envoy(first) as envoy, aio.insecure_channel(envoy.address) as channel:
        watch = VimServiceStub(channel).WatchVims(vims.WatchVimsRequest(start_revision=7))
        messages = aiter(watch)
        for _ in range(2):
            await anext(messages)
        idle_reader, idle_writer = await opened(envoy.address)
        async with asyncio.timeout(LIMIT_S):
            assert await idle_reader.read() == b""
        idle_writer.close()

        assert not watch.done()
        watch.cancel()


async def test_the_watch_of_a_caller_that_vanished_is_ended(first: Scripted) -> None:
    downstream = {"interval: 30s\n              timeout: 20s": "interval: 0.2s\n              timeout: 0.2s"}
    call = b"\0" + struct.pack(">I", 0)
    async with hasty_envoy(first, downstream) as envoy, connection(envoy.address) as vanished:
        await vanished.send(
            [
                frame(HEADERS, END_HEADERS, 1, grpc_headers("/vimesh.v1.VimService/WatchVims")),
                frame(0, END_STREAM, 1, call),
            ]
        )
        async with asyncio.timeout(LIMIT_S):
            # It reads, but never answers a ping.
            await vanished.until_closed()
        await eventually(lambda: nobody_watches(envoy), LIMIT_S)


async def nobody_watches(envoy: RunningEnvoy) -> bool:
    return await envoy.stat("cluster.watches.upstream_rq_active") == 0


async def test_a_crowd_at_the_front_keeps_no_reporter_out(first: Scripted) -> None:
    crowd = {"stat_prefix: front\n          max_connections: 9000": "stat_prefix: front\n          max_connections: 20"}
    async with running_envoy([first.address], instead=crowd | IDLE) as envoy, AsyncExitStack() as stack:
        await envoy.until_healthy([first.address])
        for _ in range(30):
            await stack.enter_async_context(idle_connection(envoy.address))
        with pytest.raises(OSError):  # noqa: PT011 - how a connection is refused depends on the moment
            await ask(envoy.address, "GET", "/v1/vims/some")
        async with aio.insecure_channel(envoy.reports_address) as channel:
            answer = await ConductorServiceStub(channel).UpdateVim(report(), timeout=LIMIT_S)
        assert answer.newest_observation == first.port

        # The crowd says nothing, and so it is soon gone.
        await eventually(lambda: answers(envoy), LIMIT_S)


@asynccontextmanager
async def idle_connection(address: str) -> AsyncGenerator[None]:
    _reader, writer = await opened(address)
    try:
        yield
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


async def answers(envoy: RunningEnvoy) -> bool:
    try:
        return (await ask(envoy.address, "GET", "/v1/vims/some")).status == 200
    except OSError:
        return False
