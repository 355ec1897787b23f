"""Callers that the front has proved use Tacker's REST in their own projects, and by their own roles (G14)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc
import pytest

from tests.support.callers.caller import Answer, ask
from tests.support.deployments.rest_doors import LAB, refusal
from tests.support.deployments.secured_conductors import (
    ADMIN,
    DRIVER,
    MONITOR,
    OPERATOR,
    OTHER_OPERATOR,
    READER,
    client_as,
    headers_of,
    interceptors,
    secured,
)
from tests.support.sql.stores import sqlite_url, store_at
from vimesh.api.api_process import ApiSettings
from vimesh.api.rest.callers.proved_callers import ProvedCallers
from vimesh.api.rest.rest_app import RestSettings, rest_app
from vimesh.domain.errors import BadSetting
from vimesh.http.http_listener import listening
from vimesh.http.serve_fronts import serve
from vimesh.v1 import vim_service_pb2
from vimesh.v1.vim_service_pb2_grpc import VimServiceStub

Who = tuple[str, str, str]
ALL_OPERATOR = ("https://login.example#otto", "operator", "*")


@dataclass(frozen=True)
class CallersDoor:
    address: str
    conductor: str

    async def send(self, who: Who | None, method: str, path: str, body: str | None = None) -> Answer:
        """Send a request with what the front has proved, as the front does."""
        proved: Mapping[str, str] = dict(headers_of(*who)) if who else {}
        headers = {"content-type": "application/json", "x-request-id": "of-the-request", **proved}
        return await ask(self.address, method, f"/v1.0/{path}", body, headers)

    async def names(self, who: Who) -> list[str]:
        answer = await self.send(who, "GET", "vims.json")
        assert answer.status == 200, answer.body
        return [vim["name"] for vim in answer.json()["vims"]]  # type: ignore[attr-defined]  # a list


@asynccontextmanager
async def door(folder: Path) -> AsyncGenerator[CallersDoor]:
    stopping = asyncio.Event()
    async with (
        store_at(sqlite_url(folder / "vimesh.sqlite")) as store,
        secured(store, folder) as conductor,
        # What the front would have proved of the api process.
        grpc.aio.insecure_channel(conductor, interceptors=interceptors(*headers_of(*DRIVER))) as front,
    ):
        with listening("127.0.0.1:0") as listener:
            app = rest_app(VimServiceStub(front), RestSettings(), ProvedCallers("default"))
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(serve(app, listener, stopping.wait, drain_s=0, grace_s=1))
                try:
                    yield CallersDoor(f"127.0.0.1:{listener.getsockname()[1]}", conductor)
                finally:
                    stopping.set()


def lab(**fields: object) -> str:
    return json.dumps({"vim": LAB | fields})


async def test_two_tenants_do_not_see_each_other(tmp_path: Path) -> None:
    async with door(tmp_path) as rest:
        mine = (await rest.send(OPERATOR, "POST", "vims.json", lab())).json()["vim"]
        other = (await rest.send(OTHER_OPERATOR, "POST", "vims.json", lab())).json()["vim"]
        anywhere = (await rest.send(ALL_OPERATOR, "POST", "vims.json", lab(name="third"))).json()["vim"]
        assert [vim["tenant_id"] for vim in (mine, other, anywhere)] == ["a", "b", "default"]  # type: ignore[index]  # a dict
        vim = f"vims/{mine['id']}.json"  # type: ignore[index]  # a dict

        refusals = [
            await rest.send(OTHER_OPERATOR, "GET", vim),
            await rest.send(OTHER_OPERATOR, "PUT", vim, '{"vim": {"description": "taken"}}'),
            await rest.send(OTHER_OPERATOR, "PUT", vim, '{"vim": {"extra": {"a": 1}}}'),
            await rest.send(OTHER_OPERATOR, "DELETE", vim),
        ]
        assert [refusal(each)[:2] for each in refusals] == [(404, "VimNotFoundException")] * 4
        assert [await rest.names(who) for who in (OPERATOR, OTHER_OPERATOR, READER)] == [["lab"], ["lab"], ["lab"]]
        assert sorted(await rest.names(ADMIN)) == ["lab", "lab", "third"]

        events = (await rest.send(OTHER_OPERATOR, "GET", "events.json")).json()["events"]
        assert [event["resource_id"] for event in events] == [other["id"]]  # type: ignore[attr-defined,index]
        shown = await rest.send(OTHER_OPERATOR, "GET", "events/1.json")
        assert shown.status == 404

        async with client_as(rest.conductor, ADMIN) as admin:
            page = await admin.vims.ListVimEvents(vim_service_pb2.ListVimEventsRequest(), timeout=30)
        assert [event.actor for event in page.events] == [ALL_OPERATOR[0], OTHER_OPERATOR[0], OPERATOR[0]]


async def test_roles_are_those_of_the_caller(tmp_path: Path) -> None:
    async with door(tmp_path) as rest:
        mine = (await rest.send(OPERATOR, "POST", "vims.json", lab())).json()["vim"]
        vim = f"vims/{mine['id']}.json"  # type: ignore[index]  # a dict

        assert (await rest.send(READER, "GET", vim)).status == 200
        for who in (READER, MONITOR):
            assert refusal(await rest.send(who, "POST", "vims.json", lab(name="x")))[0] == 403
            assert refusal(await rest.send(who, "DELETE", vim))[0] == 403
        assert refusal(await rest.send(MONITOR, "GET", vim))[0] == 403
        denied = refusal(await rest.send(OPERATOR, "POST", "vims.json", lab(name="x", tenant_id="b")))
        assert denied == (403, "PolicyNotAuthorized", "project b is not one of the caller's")


async def test_strangers_are_told_how_to_prove_who_they_are(tmp_path: Path) -> None:
    async with door(tmp_path) as rest:
        answer = await rest.send(None, "GET", "vims.json")
        resources = await rest.send(None, "GET", "")

    assert refusal(answer)[:2] == (401, "HTTPUnauthorized")
    assert answer.headers["www-authenticate"] == 'Bearer realm="vimesh"'
    assert resources.status == 200


def test_keystone_needs_a_front_that_asks_who_calls(tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match=r"--keystone-file.*needs --credentials"):
        ApiSettings("127.0.0.1:7600", keystone_file=tmp_path / "tacker.conf")
