"""A real nginx before the front: as it comes, with a path of its own, and for gRPC."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest
from grpc import aio

from tests.envoy.scripted import Scripted
from tests.support.callers.caller import LIMIT_S, ask
from tests.support.deployments.envoys import RunningEnvoy, running_envoy
from tests.support.deployments.nginx import nginx
from tests.support.deployments.rest_doors import door_to
from vimesh.envoy.fleet.front_fleet import FrontFleet
from vimesh.v1 import vim_service_pb2 as vims
from vimesh.v1.vim_service_pb2_grpc import VimServiceStub

BEHIND_NGINX = FrontFleet((), http_1_0=True, trusted_proxies=("127.0.0.1/32",))
SUB_PATH = """
location /mesh/ {{
  proxy_pass http://{front}/;
  proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
  proxy_set_header X-Forwarded-Proto https;
  proxy_set_header X-Forwarded-Host mesh.example;
  proxy_set_header X-Forwarded-Prefix /mesh;
}}
"""


@pytest.fixture
async def envoy(first: Scripted) -> AsyncGenerator[RunningEnvoy]:
    async with (
        door_to(first.address) as door,
        running_envoy([first.address], api=[door.address], like=BEHIND_NGINX) as running,
    ):
        await running.until_healthy([first.address])
        yield running


async def test_an_nginx_as_it_comes_passes_everything_on(envoy: RunningEnvoy, tmp_path: Path) -> None:
    async with nginx(tmp_path, f"location / {{ proxy_pass http://{envoy.address}; }}") as address:
        for path in ("/v1/vims/some", "/v1.0/vims", "/healthz", "/readyz"):
            for method in ("GET", "HEAD"):
                assert (await ask(address, method, path)).status == 200, (method, path)
        page = await ask(address, "GET", "/v1/vims?page_size=100")

    assert len(page.json()["vims"]) == 100  # type: ignore[arg-type]  # it is a list


async def test_a_front_speaks_http_1_0_only_if_it_is_told_to(first: Scripted, tmp_path: Path) -> None:
    async with (
        running_envoy([first.address]) as envoy,
        nginx(tmp_path, f"location / {{ proxy_pass http://{envoy.address}; }}") as address,
    ):
        answer = await ask(address, "GET", "/healthz")

    assert (answer.status, answer.json()["code"]) == (426, 12)
    assert "http_1_0: true" in str(answer.json()["message"])


async def test_links_below_a_path_of_nginx_lead_there(envoy: RunningEnvoy, tmp_path: Path) -> None:
    async with nginx(tmp_path, SUB_PATH.format(front=envoy.address)) as address:
        resources: Any = (await ask(address, "GET", "/mesh/v1.0/")).json()["resources"]

    base = "https://mesh.example/mesh/v1.0"
    assert [resource["links"][0]["href"] for resource in resources] == [f"{base}/vims", f"{base}/events"]


async def test_grpc_goes_through_with_a_long_token(envoy: RunningEnvoy, tmp_path: Path) -> None:
    token = "t" * 30_000
    server = f"location / {{ grpc_pass {envoy.address}; }}"
    async with nginx(tmp_path, server, listen="http2") as address, aio.insecure_channel(address) as channel:
        request = vims.GetVimRequest(vim_id="some")
        answer = await VimServiceStub(channel).GetVim(request, metadata=(("authorization", token),), timeout=LIMIT_S)

    assert answer.vim.id == "some"
