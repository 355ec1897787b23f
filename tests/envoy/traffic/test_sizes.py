"""How long headers and bodies may be: the same over every door and every codec."""

from __future__ import annotations

from pathlib import Path

import grpc
import pytest
from grpc import aio

from tests.envoy.scripted import Scripted
from tests.support.callers.caller import LIMIT_S, ask
from tests.support.deployments.conductors import conductor_at
from tests.support.deployments.envoys import RunningEnvoy, running_envoy
from tests.support.deployments.rest_doors import door_to
from vimesh.envoy.routes import MAX_JSON_BYTES
from vimesh.v1 import vim_service_pb2 as vims
from vimesh.v1.vim_service_pb2_grpc import VimServiceStub
from vimesh.wire.error_statuses import failure_of

TOKENS = (12_000, 30_000, 60_000)
TOO_LONG = (66_000, 120_000, 240_000)
TRIES = 10
JSON = {"content-type": "application/json"}
WEB = {"content-type": "application/grpc-web+proto", "x-grpc-web": "1"}
NO_MESSAGE = bytes(5)
SAID = "the headers are too long: at most 64 kB in 2000 headers"
LIST = "/vimesh.v1.VimService/ListVims"


def token(size: int) -> dict[str, str]:
    return {"authorization": "t" * size}


async def test_long_tokens_are_taken_each_time_over_every_door(tmp_path: Path) -> None:
    async with (
        conductor_at(tmp_path / "vimesh.sqlite") as client,
        door_to(client.address) as door,
        running_envoy([client.address], api=[door.address]) as envoy,
    ):
        await envoy.until_healthy([client.address])
        async with aio.insecure_channel(envoy.address) as channel:
            for size in TOKENS * TRIES:
                metadata = tuple(token(size).items())
                await VimServiceStub(channel).ListVims(vims.ListVimsRequest(), metadata=metadata, timeout=LIMIT_S)
                for path in ("/v1/vims", "/v1.0/vims"):
                    assert (await ask(envoy.address, "GET", path, headers=token(size))).status == 200, (path, size)
                web = await ask(envoy.address, "POST", LIST, NO_MESSAGE, {**WEB, **token(size)})
                assert b"grpc-status:0" in web.body, size
            many = [("x", "y" * 20)] * 1_500
            await VimServiceStub(channel).ListVims(vims.ListVimsRequest(), metadata=many, timeout=LIMIT_S)


async def test_headers_that_are_too_long_end_one_request_and_no_connection(
    envoy: RunningEnvoy, first: Scripted, second: Scripted
) -> None:
    async with aio.insecure_channel(envoy.address) as channel:
        stub = VimServiceStub(channel)
        waiting = stub.WatchVims(vims.WatchVimsRequest(start_revision=7))
        assert await waiting.read() is not aio.EOF
        for size in TOO_LONG:
            metadata = tuple(token(size).items())
            with pytest.raises(aio.AioRpcError) as raised:
                await stub.GetVim(vims.GetVimRequest(vim_id="some"), metadata=metadata, timeout=LIMIT_S)
            assert (raised.value.code(), raised.value.details()) == (grpc.StatusCode.RESOURCE_EXHAUSTED, SAID)
            assert failure_of(raised.value).reason == "BAD_INPUT"
        # The watch has the same connection.
        assert await waiting.read() is not aio.EOF
        waiting.cancel()
    assert not first.calls + second.calls


async def test_headers_that_are_too_long_are_refused_with_a_status(envoy: RunningEnvoy, first: Scripted) -> None:
    for size in (*TOO_LONG, 400_000):
        answer = await ask(envoy.address, "GET", "/v1/vims/some", headers=token(size))
        said = answer.json()
        assert (answer.status, said["code"], said["message"]) == (431, 8, SAID), size
    web = await ask(envoy.address, "POST", LIST, NO_MESSAGE, {**WEB, **token(TOO_LONG[0])})
    assert (web.headers["grpc-status"], web.headers["grpc-message"]) == ("8", SAID)
    assert not first.calls


@pytest.mark.parametrize(("size", "status"), [(MAX_JSON_BYTES, 501), (MAX_JSON_BYTES + 1, 413)])
async def test_json_bodies_have_a_limit_before_they_are_made_messages(
    envoy: RunningEnvoy, first: Scripted, second: Scripted, size: int, status: int
) -> None:
    body = '{"vim":{}}'.ljust(size)

    answer = await ask(envoy.address, "POST", "/v1/vims", body, JSON)

    # The scripted conductor does not know this call: it has come through.
    assert answer.status == status
    assert not first.calls + second.calls


async def test_bodies_of_tackers_calls_have_the_same_limit(first: Scripted) -> None:
    async with running_envoy([first.address], api=["127.0.0.1:1"]) as envoy:
        answer = await ask(envoy.address, "POST", "/v1.0/vims", b" " * (MAX_JSON_BYTES + 1), JSON)

    assert answer.status == 413
    error = answer.json()["TackerError"]
    assert isinstance(error, dict)
    assert (error["type"], error["detail"]) == ("HTTPError", "")
