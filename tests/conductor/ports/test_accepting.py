"""A conductor whose gRPC server ends by itself."""

from __future__ import annotations

import asyncio
from pathlib import Path

import hpack
import pytest

from benchmarks.updates.frames import END_HEADERS, END_STREAM, PREFACE, Kind, frame
from tests.support.deployments.conductors import conductor_at
from vimesh.conductor.ports.port_check import NotAccepting

_LIMIT_S = 20.0


async def _call(address: str, path: bytes) -> None:
    """Make a call with a path that no library would send."""
    fields = ((b":method", b"POST"), (b":scheme", b"http"), (b":path", path), (b":authority", b"a"))
    block = hpack.Encoder().encode([*fields, (b"content-type", b"application/grpc"), (b"te", b"trailers")])
    host, _, port = address.rpartition(":")
    _, writer = await asyncio.open_connection(host, int(port))
    writer.write(PREFACE + frame(Kind.SETTINGS, 0, 0, b""))
    writer.write(frame(Kind.HEADERS, END_HEADERS, 1, block) + frame(Kind.DATA, END_STREAM, 1, bytes(5)))
    await writer.drain()
    writer.close()
    await writer.wait_closed()


async def _serve_until_it_ends(folder: Path) -> None:
    async with asyncio.timeout(_LIMIT_S), conductor_at(folder / "vimesh.sqlite") as client:
        await _call(client.address, b"/\xff")
        await asyncio.Event().wait()


async def test_a_conductor_that_accepts_no_calls_any_more_ends_to_be_started_again(tmp_path: Path) -> None:
    with pytest.raises(ExceptionGroup) as caught:
        await _serve_until_it_ends(tmp_path)

    assert caught.group_contains(NotAccepting)
