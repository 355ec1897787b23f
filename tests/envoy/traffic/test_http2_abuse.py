"""Callers that abuse HTTP/2 lose their connection, and nobody else loses a call."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable, Iterator

import pytest

from tests.envoy.frames import (
    CANCEL,
    CONTINUATION,
    DATA,
    END_HEADERS,
    GOAWAY,
    HEADERS,
    PING,
    RST_STREAM,
    SETTINGS,
    connection,
    frame,
    grpc_headers,
)
from tests.envoy.scripted import Scripted
from tests.support.callers.caller import LIMIT_S, reporting
from tests.support.deployments.envoys import RunningEnvoy
from vimesh.envoy.listeners import MAX_STREAMS

GET = grpc_headers("/vimesh.v1.VimService/GetVim")
MANY = 3_000_000
"""More than any buffer on the way holds."""
MAX_CONCURRENT_STREAMS = 3
"""Its number among the settings."""


def batches(one: Callable[[int], bytes], count: int = MANY, size: int = 500) -> Iterator[bytes]:
    """Yield frames that depend on the number of a stream, several at a time."""
    for begin in range(0, count, size):
        yield b"".join(one(2 * number + 1) for number in range(begin, begin + size))


def rapid_reset(stream: int) -> bytes:
    return frame(HEADERS, END_HEADERS, stream, GET) + frame(RST_STREAM, 0, stream, CANCEL)


def endless_headers() -> Iterator[bytes]:
    yield frame(HEADERS, 0, 1, GET)
    # A literal field without an index: x: y.
    yield from (frame(CONTINUATION, 0, 1, b"\0\1x\1y" * 2000) for _ in range(20_000))


def empty_continuations() -> Iterator[bytes]:
    yield frame(HEADERS, 0, 1, GET)
    yield from batches(lambda _: frame(CONTINUATION, 0, 1))


def empty_data() -> Iterator[bytes]:
    yield frame(HEADERS, END_HEADERS, 1, GET)
    yield from batches(lambda _: frame(DATA, 0, 1))


ABUSES: dict[str, Callable[[], Iterator[bytes]]] = {
    "rapid reset": lambda: batches(rapid_reset),
    "endless headers": endless_headers,
    "empty continuations": empty_continuations,
    "empty data": empty_data,
    # Each wants an answer, and none is read.
    "settings": lambda: batches(lambda _: frame(SETTINGS)),
    "pings": lambda: batches(lambda _: frame(PING, content=b"\0" * 8)),
}


@pytest.mark.parametrize("abuse", ABUSES)
async def test_an_abuser_is_cut_off_and_nobody_else_waits(
    envoy: RunningEnvoy, first: Scripted, second: Scripted, abuse: str
) -> None:
    async with reporting(envoy.address, callers=4) as load, connection(envoy.address) as abuser:
        await load.until_more(50)
        async with asyncio.timeout(4 * LIMIT_S):
            assert not await abuser.send(ABUSES[abuse]())
        await load.until_more(50)

    assert not load.failed
    assert load.longest_s < LIMIT_S / 2
    # Of the calls that it began, few came through: those of one round of reading.
    abused = [call for call in first.calls + second.calls if call != "any"]
    assert len(abused) < 2 * MAX_STREAMS


async def test_a_connection_has_a_limit_of_calls_at_once(
    envoy: RunningEnvoy, first: Scripted, second: Scripted
) -> None:
    async with connection(envoy.address) as greedy, asyncio.timeout(LIMIT_S):
        limit = struct.pack(">HI", MAX_CONCURRENT_STREAMS, MAX_STREAMS)
        settings = await anext(greedy.frames())
        await greedy.send(batches(lambda stream: frame(HEADERS, END_HEADERS, stream, GET), count=MAX_STREAMS + 500))
        async for answer in greedy.frames():
            if answer.kind in (RST_STREAM, GOAWAY):
                break

    assert settings.kind == SETTINGS
    assert limit in settings.content
    assert answer.kind in (RST_STREAM, GOAWAY)
    assert not first.calls + second.calls
