"""What balancers ask the front: does it live, and does a conductor behind it serve?"""

from __future__ import annotations

import pytest

from tests.envoy.scripted import Scripted
from tests.support.callers.caller import LIMIT_S, ask
from tests.support.deployments.envoys import RunningEnvoy, running_envoy
from tests.support.timing.waiting import eventually


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_a_front_is_ready_while_one_conductor_serves(
    envoy: RunningEnvoy, first: Scripted, second: Scripted, method: str
) -> None:
    async def says(status: int) -> bool:
        return (await ask(envoy.address, method, "/readyz")).status == status

    assert await says(200)
    await first.say_not_serving()
    await envoy.until_healthy([second.address])
    assert await says(200)
    assert (await ask(envoy.address, method, "/readyz?from=balancer")).status == 200

    await second.say_not_serving()
    await eventually(lambda: says(503), LIMIT_S)
    assert (await ask(envoy.address, method, "/healthz")).status == 200


async def test_a_front_without_conductors_lives_and_is_not_ready_and_says_why() -> None:
    async with running_envoy(["127.0.0.1:1"]) as envoy:
        ready, live = await ask(envoy.address, "GET", "/readyz"), await ask(envoy.address, "GET", "/healthz")

    assert (live.status, live.body) == (200, b"ok\n")
    assert (ready.status, ready.headers["retry-after"], ready.json()["message"]) == (503, "1", "no conductor answers")


async def test_what_can_be_read_has_a_head(envoy: RunningEnvoy) -> None:
    paths = ("/v1/vims", "/v1/vims/some", "/v1/vims/VIM_NOT_FOUND", "/v1/vims/some/events", "/v1/events")
    for path in (*paths, "/v1/vims?page_size=1000", "/v1/vims?page_size=many"):
        read, head = await ask(envoy.address, "GET", path), await ask(envoy.address, "HEAD", path)
        assert (head.status, head.body) == (read.status, b""), path
        assert head.headers["content-type"] == read.headers["content-type"], path
        assert head.headers.get("content-length") == read.headers.get("content-length"), path

    # A watch has no end.
    assert (await ask(envoy.address, "HEAD", "/v1/vims:watch")).status == 200
