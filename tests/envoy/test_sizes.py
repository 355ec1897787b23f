"""How long headers and bodies may be: the same over every door and every codec."""

from __future__ import annotations

from pathlib import Path

import pytest
from grpc import aio

from tests.envoy.caller import LIMIT_S, ask
from tests.envoy.scripted import Scripted
from tests.support.conductors import conductor_at
from tests.support.envoys import RunningEnvoy, running_envoy
from vimesh.envoy.routes import MAX_JSON_BYTES
from vimesh.v1 import vim_service_pb2 as vims
from vimesh.v1.vim_service_pb2_grpc import VimServiceStub

TOKEN = "t" * 40_000
TRIES = 20
JSON = {"content-type": "application/json"}


async def test_long_headers_are_taken_each_time_over_both_codecs(tmp_path: Path) -> None:
    async with conductor_at(tmp_path / "vimesh.sqlite") as client, running_envoy([client.address]) as envoy:
        await envoy.until_healthy([client.address])
        async with aio.insecure_channel(envoy.address) as channel:
            for _ in range(TRIES):
                await VimServiceStub(channel).ListVims(
                    vims.ListVimsRequest(), metadata=(("authorization", TOKEN),), timeout=LIMIT_S
                )
        answers = [
            (await ask(envoy.address, "GET", "/v1/vims", headers={"authorization": TOKEN})).status for _ in range(TRIES)
        ]

    assert answers == [200] * TRIES


async def test_headers_that_are_too_long_are_refused_with_a_status(envoy: RunningEnvoy) -> None:
    answer = await ask(envoy.address, "GET", "/v1/vims/some", headers={"authorization": TOKEN * 2})

    assert answer.status == 431


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
