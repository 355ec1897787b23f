"""Bytes that are no request of the method, or too many, are bad input at every RPC: never UNKNOWN, never INTERNAL."""

from __future__ import annotations

import grpc
import pytest
from google.protobuf import descriptor_pool

from tests.support.callers.bad_requests import field_of
from tests.support.deployments.conductors import Client
from vimesh.conductor.conductor_process import SERVICES
from vimesh.wire.error_statuses import RpcFailure, failure_of
from vimesh.wire.limits import MAX_MESSAGE_BYTES, max_request_bytes

METHODS = {
    f"/{service}/{method.name}": method
    for service in SERVICES
    for method in descriptor_pool.Default().FindServiceByName(service).methods
}
DEEP = 101
BAD_BYTES = {
    "noise": b"\xff\xfe\xfd",
    "an end without a beginning": b"\x0c",
    "cut off": b"\x0a\x05ab",
    "a length beyond all memory": b"\x0a\xff\xff\xff\xff\x07",
    "a number without an end": b"\x08" + b"\xff" * 11,
    "field 0": b"\x00\x00",
    "deep groups": b"\x13" * DEEP + b"\x14" * DEEP,
    "a group in a group that never ends": b"\x13" * DEEP,
}


async def failure_of_call(client: Client, method: str, request: bytes) -> RpcFailure:
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await _call(client, method, request)
    return failure_of(failed.value)


async def _call(client: Client, method: str, request: bytes) -> None:
    if METHODS[method].server_streaming:
        stream: grpc.aio.UnaryStreamMultiCallable[bytes, bytes] = client.channel.unary_stream(method)
        async for _ in stream(request, timeout=30):
            return
    else:
        call: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = client.channel.unary_unary(method)
        await call(request, timeout=30)


async def test_what_is_no_message_is_bad_input(client: Client) -> None:
    for method in METHODS:
        for kind, request in BAD_BYTES.items():
            found = await failure_of_call(client, method, request)

            assert (found.code, found.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "BAD_INPUT"), (method, kind)
            assert len(found.violations) == 1, (method, kind)
            assert "Error" not in found.message, (method, kind)


async def test_text_that_is_no_utf_8_is_bad_input(client: Client) -> None:
    for method, descriptor in METHODS.items():
        for field in descriptor.input_type.fields:
            if field.type == field.TYPE_STRING:
                found = await failure_of_call(client, method, field_of(field.number, b"\xc3\x28"))

                assert (found.code, found.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "BAD_INPUT"), method


async def test_a_request_that_is_too_long_for_its_method_is_bad_input(client: Client) -> None:
    for method in METHODS:
        longest = max_request_bytes(method.rpartition("/")[2])
        if longest < MAX_MESSAGE_BYTES:  # gRPC itself refuses what is longer
            found = await failure_of_call(client, method, field_of(1000, bytes(longest)))

            assert (found.code, found.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "BAD_INPUT"), method
            assert f"the maximum is {longest}" in found.message, method


async def test_a_request_as_long_as_its_method_takes_is_taken(client: Client) -> None:
    vim = await client.register()
    short = field_of(1, vim.id.encode())
    longest = max_request_bytes("GetVim")
    padding = longest - len(short) - len(field_of(1000, bytes(longest // 2))) + longest // 2

    await _call(client, "/vimesh.v1.VimService/GetVim", short + field_of(1000, bytes(padding)))
    with pytest.raises(grpc.aio.AioRpcError):
        await _call(client, "/vimesh.v1.VimService/GetVim", short + field_of(1000, bytes(padding + 1)))


def test_every_method_of_the_contract_is_tried() -> None:
    assert len(METHODS) == 62
