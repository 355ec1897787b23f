"""The Connect protocol, where a fleet file asks for it."""

from __future__ import annotations

import struct
from base64 import b64decode
from collections.abc import AsyncGenerator

import pytest
from google.rpc.error_details_pb2 import ErrorInfo
from grpc import aio

from tests.envoy.scripted import Scripted
from tests.support.callers.caller import Answer, Stubs, ask, get_vim
from tests.support.deployments.envoys import RunningEnvoy, running_envoy
from vimesh.envoy.fleet.front_fleet import FrontFleet
from vimesh.v1 import vim_service_pb2 as vims
from vimesh.v1.conductor_service_pb2_grpc import ConductorServiceStub
from vimesh.v1.vim_service_pb2_grpc import VimServiceStub

SERVICE = "/vimesh.v1.VimService"
UNARY = {"content-type": "application/proto", "connect-protocol-version": "1"}
STREAM = {"content-type": "application/connect+proto", "connect-protocol-version": "1"}
END_STREAM = 2


@pytest.fixture
async def envoy(first: Scripted) -> AsyncGenerator[RunningEnvoy]:
    async with running_envoy([first.address], like=FrontFleet((), connect=True)) as running:
        await running.until_healthy([first.address])
        yield running


async def get(envoy: RunningEnvoy, vim_id: str, **headers: str) -> Answer:
    message = vims.GetVimRequest(vim_id=vim_id).SerializeToString()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await ask(envoy.address, "POST", f"{SERVICE}/GetVim", message, {**UNARY, **named})


async def watch(envoy: RunningEnvoy, **headers: str) -> Answer:
    message = vims.WatchVimsRequest(vim_id="VIM_OUT_OF_RANGE").SerializeToString()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await ask(envoy.address, "POST", f"{SERVICE}/WatchVims", framed(message), {**STREAM, **named})


def framed(message: bytes, flags: int = 0) -> bytes:
    return bytes([flags]) + struct.pack(">I", len(message)) + message


async def test_a_call_is_answered_with_its_message(envoy: RunningEnvoy) -> None:
    answer = await get(envoy, "some")

    assert (answer.status, answer.headers["content-type"]) == (200, "application/proto")
    assert vims.GetVimResponse.FromString(answer.body).vim.id == "some"


async def test_an_error_is_told_in_the_form_of_the_protocol(envoy: RunningEnvoy) -> None:
    answer = await get(envoy, "VIM_NOT_FOUND")

    said = answer.json()
    details = said["details"]
    assert isinstance(details, list)
    assert (answer.status, said["code"], said["message"]) == (404, "not_found", "says the script")
    packed = details[0]["value"]
    info = ErrorInfo.FromString(b64decode(packed + "=" * (-len(packed) % 4)))
    assert (info.reason, info.domain) == ("VIM_NOT_FOUND", "vimesh.v1")


async def test_a_watch_is_a_stream_of_messages_with_an_end(envoy: RunningEnvoy) -> None:
    answer = await watch(envoy)

    assert (answer.status, answer.headers["content-type"], answer.body[0]) == (200, STREAM["content-type"], END_STREAM)
    assert b'"out_of_range"' in answer.body


async def test_what_a_page_may_send_unasked_makes_no_call(envoy: RunningEnvoy, first: Scripted) -> None:
    query = "connect=v1&encoding=proto&base64=1&message=CgRzb21l"
    for headers in ({}, UNARY):
        assert (await ask(envoy.address, "GET", f"{SERVICE}/DeregisterVim?{query}", headers=headers)).status == 404
    assert (await get(envoy, "some", content_type="text/plain")).status == 415
    assert (await get(envoy, "some", origin="https://evil.example")).status == 403
    assert not first.calls


async def test_odd_headers_of_the_protocol_harm_nobody(envoy: RunningEnvoy) -> None:
    odd = {
        "connect_timeout_ms": ("a", "-1", "12345678901", ""),
        "connect_content_encoding": ("a", "\t"),
        "connect_accept_encoding": ("a,,", "*"),
        "content_encoding": ("a", "br"),
        "connect_protocol_version": ("2", ""),
        "grpc_timeout": ("a",),
    }
    for name, values in odd.items():
        for value in values:
            await get(envoy, "some", **{name: value})
            await watch(envoy, **{name: value})
            assert (await get(envoy, "some")).status == 200, name

    async with aio.insecure_channel(envoy.address) as channel:
        stubs = Stubs(ConductorServiceStub(channel), VimServiceStub(channel))
        for _ in range(8):
            await get_vim(stubs)


async def test_bodies_that_are_none_harm_nobody(first: Scripted) -> None:
    # Now and then Envoy's filter loses the end of such a body, and then waits for it as long as a stream may be idle.
    briefly = {"stream_idle_timeout: 60s": "stream_idle_timeout: 1s"}
    async with running_envoy([first.address], like=FrontFleet((), connect=True), instead=briefly) as envoy:
        await envoy.until_healthy([first.address])
        for body in (b"", b"\xff" * 7, b"\0\0\0\0", b"\x80" * 6000):
            assert (await ask(envoy.address, "POST", f"{SERVICE}/GetVim", body, UNARY)).status < 600
        for body in (framed(b"\xff" * 7), framed(b"a", 1), framed(b"", 255), framed(b"") * 2):
            assert (await ask(envoy.address, "POST", f"{SERVICE}/GetVim", body, STREAM)).status < 600
        assert (await get(envoy, "some")).status == 200


async def test_unless_it_is_asked_for_nobody_speaks_it(first: Scripted) -> None:
    async with running_envoy([first.address]) as envoy:
        await envoy.until_healthy([first.address])
        assert (await get(envoy, "some")).status == 415
    assert not first.calls
