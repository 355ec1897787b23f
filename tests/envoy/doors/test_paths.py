"""Paths that are no text: gRPC's server ends when it cannot decode one, so none may come so far."""

from __future__ import annotations

import asyncio

import pytest
from grpc import aio

from tests.envoy.frames import DATA, END_HEADERS, END_STREAM, HEADERS, connection, frame
from tests.support.callers.caller import LIMIT_S
from tests.support.deployments.envoys import RunningEnvoy
from vimesh.v1 import vim_service_pb2
from vimesh.v1.vim_service_pb2_grpc import VimServiceStub

_GET = b"/vimesh.v1.VimService/GetVim"
_NO_MESSAGE = bytes(5)
_POST_HTTP = b"\x83\x86"
"""Of the table that HTTP/2 begins with: method and scheme."""
_ROUNDS = 8


def _literal(name: bytes, value: bytes) -> bytes:
    return b"\0" + bytes([len(name)]) + name + bytes([len(value)]) + value


async def _refused(address: str, path: bytes) -> bool:
    """Say whether a call of that path is answered by headers that end the stream: it never had a message."""
    fields = ((b":path", path), (b":authority", b"a"), (b"content-type", b"application/grpc"), (b"te", b"trailers"))
    block = _POST_HTTP + b"".join(_literal(*field) for field in fields)
    async with asyncio.timeout(LIMIT_S), connection(address) as opened:
        await opened.send([frame(HEADERS, END_HEADERS, 1, block), frame(DATA, END_STREAM, 1, _NO_MESSAGE)])
        async for each in opened.frames():
            if each.kind == HEADERS:
                return bool(each.flags & END_STREAM)
    return False


@pytest.mark.parametrize("path", [_GET + b"?\xff", _GET + b"?a=\xef\xbf", _GET + b"?\xc3\xa9"])
async def test_a_path_that_is_no_text_ends_no_conductor(envoy: RunningEnvoy, channel: aio.Channel, path: bytes) -> None:
    for _ in range(_ROUNDS):
        assert await _refused(envoy.address, path)

    stub = VimServiceStub(channel)
    for _ in range(_ROUNDS):
        await stub.GetVim(vim_service_pb2.GetVimRequest(vim_id="some"), timeout=LIMIT_S)
