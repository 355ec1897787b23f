"""Serves Tacker's REST in the test's own process, on a free loopback port, over any conductor."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import grpc

from tests.support.callers.caller import Answer, ask
from vimesh.api.rest.rest_app import RestSettings, rest_app
from vimesh.http.http_listener import listening
from vimesh.http.serve_fronts import serve
from vimesh.rpc.channels import channel
from vimesh.v1.vim_service_pb2_grpc import VimServiceServicer, VimServiceStub, add_VimServiceServicer_to_server

LAB: dict[str, Any] = {
    "name": "lab",
    "type": "openstack",
    "auth_url": "http://127.0.0.1:5000/v3",
    "vim_project": {"name": "nfv", "project_domain_name": "Default"},
    "auth_cred": {"username": "nfv", "password": "s3cret", "user_domain_name": "Default", "cert_verify": "True"},
}


@dataclass(frozen=True)
class Door:
    address: str

    async def send(self, method: str, path: str, body: object = None) -> Answer:
        """Send a request below `/v1.0/`. A body that is not text is sent as JSON."""
        text = body if isinstance(body, str | bytes) or body is None else json.dumps(body)
        return await ask(self.address, method, f"/v1.0/{path}", text, {"content-type": "application/json"})

    async def register(self, **attributes: object) -> Any:  # noqa: ANN401 - what JSON holds
        answer = await self.send("POST", "vims.json", {"vim": LAB | attributes})
        assert answer.status == 201, answer.body
        return answer.json()["vim"]

    async def change(self, vim_id: str, **attributes: object) -> Any:  # noqa: ANN401 - what JSON holds
        answer = await self.send("PUT", f"vims/{vim_id}.json", {"vim": attributes})
        assert answer.status == 200, answer.body
        return answer.json()["vim"]

    async def vims(self, query: str = "") -> Any:  # noqa: ANN401 - what JSON holds
        answer = await self.send("GET", f"vims.json?{query}")
        assert answer.status == 200, answer.body
        return answer.json()["vims"]

    async def names(self, query: str) -> list[str]:
        return [vim["name"] for vim in await self.vims(query)]


def refusal(answer: Answer) -> tuple[int, str, str]:
    """Check the form of an error; return its status, type and message."""
    error = answer.json()["TackerError"]
    assert isinstance(error, dict)
    assert set(error) == {"type", "message", "detail"}
    return answer.status, error["type"], error["message"]


@asynccontextmanager
async def scripted(vims: VimServiceServicer) -> AsyncGenerator[str]:
    """Serve scripted answers in place of a conductor; yields the address."""
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    add_VimServiceServicer_to_server(vims, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(None)


@asynccontextmanager
async def door_to(conductor: str, settings: RestSettings | None = None) -> AsyncGenerator[Door]:
    stopping = asyncio.Event()
    with listening("127.0.0.1:0") as listener:
        door = Door(f"127.0.0.1:{listener.getsockname()[1]}")
        async with channel(conductor) as front, asyncio.TaskGroup() as tasks:
            app = rest_app(VimServiceStub(front), settings or RestSettings())
            tasks.create_task(serve(app, listener, stopping.wait, drain_s=0, grace_s=1))
            try:
                yield door
            finally:
                stopping.set()
