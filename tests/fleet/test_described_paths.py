"""The front answers as it says of itself in /v1/openapi.json: to what people ask, and to what Schemathesis makes up."""

from __future__ import annotations

import asyncio
import json
import os
import uuid
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http.client import HTTPSConnection
from pathlib import Path
from typing import Any

import pytest
from openapi_schema_validator import OAS31Validator

from tests.docs.shell_blocks import ROOT
from tests.fleet.described_door import DESCRIPTION, DescribedDoor, closed, described_door
from tests.support.callers.commands import clean_environment
from tests.support.causes.lost_vims import lose
from tests.support.deployments.scripted_monitor import reached, scripted_monitor
from tests.support.deployments.secured_conductors import MONITOR, client_as
from tests.support.identities.callers import LIMIT_S, HttpAnswer, http_outcome
from vimesh.domain.causes.causes import NewCause
from vimesh.domain.causes.traits import trait_of_label
from vimesh.domain.pool.pool_members import PoolPlace

pytestmark = [pytest.mark.fleet, pytest.mark.timeout(300)]
SCHEMATHESIS = ROOT / ".cache/schemathesis/bin/schemathesis"
_VIM = {"name": "lab", "type": "openstack", "auth_url": "http://127.0.0.1:5000/v3", "labels": {"region": "eu"}}
_WEBHOOK = {"url": "http://127.0.0.1:9/", "body_template": "x"}
_RECEIVER = {"name": "hook", "statuses": ["UNREACHABLE"], "webhook": _WEBHOOK}
_SETTINGS = Path(__file__).with_name("schemathesis.toml")
_WATCHED = "/v1/vims:watch"
_PHASES = "fuzzing,stateful" if os.environ.get("VIMESH_SCHEMATHESIS") != "whole" else "coverage,fuzzing,stateful"
"""Coverage tries the bounds of each field, and every other method: 3,000 requests, which take a core 40 s."""
_LIMIT_S = 240


@pytest.fixture
async def door(tmp_path: Path) -> AsyncGenerator[DescribedDoor]:
    async with described_door(tmp_path) as running:
        yield running


@dataclass
class Caller:
    """Makes calls that succeed, and compares each answer with the description."""

    door: DescribedDoor
    description: dict[str, Any]
    called: set[tuple[str, str]]

    async def __call__(self, method: str, template: str, body: object = None, query: str = "", **ids: str) -> Any:  # noqa: ANN401 - what JSON holds
        answer = await self.door.ask(method, template.format(**ids) + query, body)
        assert answer.status == 200, answer
        content = json.loads(answer.body)
        self.check(method, template, content)
        return content

    def check(self, method: str, template: str, content: object) -> None:
        operation = self.description["paths"][template][method.lower()]
        schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
        OAS31Validator({**schema, "components": self.description["components"]}).validate(content)
        self.called.add((template, method.lower()))


async def test_each_path_answers_as_described(door: DescribedDoor) -> None:
    description = closed(await door.description())
    call = Caller(door, description, set())

    vim = (await call("POST", "/v1/vims", {"vim": _VIM}))["vim"]["id"]
    await call("GET", "/v1/vims", query="?filter=labels.region=eu&page_size=10&read_mask=name,status")
    await call("GET", "/v1/vims:batchGet", query=f"?vim_ids={vim}&vim_ids={vim}")
    await call("GET", "/v1/vims:summarize", query="?group_by=status&group_by=labels.region")
    await call("POST", "/v1/vims:modify", {"vim_ids": [vim], "vim": {"description": "d"}, "update_mask": "description"})
    await call("PATCH", "/v1/vims/{vim_id}", {"vim": {"extra": {"rack": [1, None]}}}, vim_id=vim)
    await call("GET", "/v1/vims/{vim_id}", vim_id=vim)
    await call("GET", "/v1/vims/{vim_id}/events", vim_id=vim)
    await call("GET", "/v1/vims/{vim_id}/samples", query="?resolution=60s", vim_id=vim)
    await call("GET", "/v1/vims/{vim_id}:explain", vim_id=vim)
    await call("GET", "/v1/events")
    call.check("GET", _WATCHED, await asyncio.to_thread(_first_line, door, f"{_WATCHED}?snapshot=true"))
    await call("GET", "/v1/whoami")
    await call("GET", "/v1/quota", query="?project_id=default")
    await call("GET", "/v1/fleet")
    await call("GET", "/v1/availability", query="?start_time=2026-01-01T00:00:00Z&by=id&by=month")
    async with _monitor(door):
        await call("POST", "/v1/vims/{vim_id}:probe", {}, vim_id=vim)
        await call("GET", "/v1/vims/{vim_id}", query="?max_age=0s", vim_id=vim)
    await _plan_maintenance(call, vim)
    await _notify(call)
    await _drain(call)
    await _lose(call, vim)
    await call("DELETE", "/v1/vims/{vim_id}", vim_id=vim)
    await call("POST", "/v1/vims:deregister", {"filter": "name=lab"})

    every = {(path, verb) for path, operations in description["paths"].items() for verb in operations}
    assert call.called == every


@asynccontextmanager
async def _monitor(door: DescribedDoor) -> AsyncGenerator[None]:
    """Have a monitor that can reach everything."""
    async with client_as(door.conductor, MONITOR) as client, scripted_monitor(client, reached):
        yield


async def _plan_maintenance(call: Caller, vim: str) -> None:
    window = {"vim_ids": [vim], "duration": "60s", "reason": "new switches"}
    made = (await call("POST", "/v1/maintenanceWindows", {"window": window}))["window"]["id"]
    await call("GET", "/v1/maintenanceWindows")
    await call("GET", "/v1/maintenanceWindows/{window_id}", window_id=made)
    await call("GET", "/v1/vims/{vim_id}", vim_id=vim)
    await call("POST", "/v1/maintenanceWindows/{window_id}:end", {}, window_id=made)


async def _drain(call: Caller) -> None:
    monitor = str(uuid.uuid4())
    await call.door.store.pool.join(monitor, PoolPlace(), "spiffe://vimesh/monitor/m1", "watch")
    await call("GET", "/v1/monitors")
    await call("POST", "/v1/monitors/{monitor_id}:drain", {}, monitor_id=monitor)


async def _lose(call: Caller, vim: str) -> None:
    store, cause = (
        call.door.store,
        NewCause(str(uuid.uuid4()), trait_of_label("default", "rack", "a7"), "TIMEOUT", 5.0, 3),
    )
    await store.causes.begin(cause.id, cause)
    await lose(store, [await store.get(vim)])
    await store.causes.add_vims(cause.id, cause.id, (await store.causes.recent_changes(0, 10)).members)
    await call("GET", "/v1/causes", query="?page_size=7&ended=true")
    await call("GET", "/v1/causes/{cause_id}", cause_id=cause.id)
    await call("GET", "/v1/vims/{vim_id}", vim_id=vim)


async def _notify(call: Caller) -> None:
    receiver = (await call("POST", "/v1/receivers", {"receiver": _RECEIVER}))["receiver"]["id"]
    await call("GET", "/v1/receivers")
    await call("GET", "/v1/receivers/{receiver_id}", receiver_id=receiver)
    await call("PATCH", "/v1/receivers/{receiver_id}", {"receiver": {"name": "web"}}, receiver_id=receiver)
    test = (await call("POST", "/v1/receivers/{receiver_id}:test", {}, receiver_id=receiver))["notification"]["id"]
    await call("GET", "/v1/notifications/{notification_id}", notification_id=test)
    await call("GET", "/v1/receivers/{receiver_id}/notifications", query="?states=QUEUED", receiver_id=receiver)
    await call("POST", "/v1/receivers/{receiver_id}/notifications:resend", {}, receiver_id=receiver)
    ids = {"notification_ids": [test]}
    await call("POST", "/v1/receivers/{receiver_id}/notifications:delete", ids, receiver_id=receiver)
    await call("DELETE", "/v1/receivers/{receiver_id}", receiver_id=receiver)


def _first_line(door: DescribedDoor, path: str) -> object:
    connection = HTTPSConnection(door.address, timeout=LIMIT_S, context=door.certified.client_context(door.folder))
    try:
        connection.request("GET", path, headers={"authorization": f"Bearer {door.token('admin')}"})
        return json.loads(connection.getresponse().readline())
    finally:
        connection.close()


async def test_who_proves_nothing_is_told_nothing(door: DescribedDoor) -> None:
    stranger: HttpAnswer = await door.ask("GET", DESCRIPTION, role="")

    assert http_outcome(stranger) == "UNAUTHENTICATED IDENTITY_MISSING"


async def test_callers_are_those_that_the_description_names(door: DescribedDoor) -> None:
    description = await door.description()
    del description["paths"][_WATCHED]  # its answer has no end
    for path, operations in description["paths"].items():
        for verb, operation in operations.items():
            callers = operation["description"].rpartition("Callers: ")[2]
            is_for_readers = "reader" in callers or callers.startswith("every caller")
            body: object = {} if "requestBody" in operation else None
            # Either the call is refused for its role, or it is looked at: then there is something else wrong with it.
            answer = await door.ask(verb.upper(), path.format_map(_Nowhere()), body, role="reader")
            refused = http_outcome(answer) == "PERMISSION_DENIED ROLE_MISSING"
            assert refused is not is_for_readers, (verb, path, answer)


class _Nowhere(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return "no-uuid"


async def test_schemathesis_finds_nothing(door: DescribedDoor, tmp_path: Path) -> None:
    description = closed(await door.description())
    document = tmp_path / "openapi.json"
    document.write_text(json.dumps(description))
    ids = await _ids(Caller(door, description, set()))

    async with _monitor(door):
        await _run(door, tmp_path, document, ids)


async def _run(door: DescribedDoor, folder: Path, document: Path, ids: dict[str, str]) -> None:
    process = await asyncio.create_subprocess_exec(
        *(SCHEMATHESIS, "--config-file", _SETTINGS, "run", document),
        *("--url", f"https://{door.address}", "--tls-verify", door.authorities, "--phases", _PHASES),
        cwd=folder,
        env=clean_environment(TOKEN=door.token("admin"), **ids),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        said, _ = await asyncio.wait_for(process.communicate(), _LIMIT_S)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()

    assert process.returncode == 0, said.decode()


async def _ids(call: Caller) -> dict[str, str]:
    """Make one of each thing; return their ids by the variables that the settings of Schemathesis name."""
    vim = (await call("POST", "/v1/vims", {"vim": _VIM}))["vim"]["id"]
    receiver = (await call("POST", "/v1/receivers", {"receiver": _RECEIVER}))["receiver"]["id"]
    window = {"vim_ids": [vim], "duration": "60s", "reason": "new switches"}
    planned = (await call("POST", "/v1/maintenanceWindows", {"window": window}))["window"]["id"]
    test = (await call("POST", "/v1/receivers/{receiver_id}:test", {}, receiver_id=receiver))["notification"]["id"]
    return {"VIM_ID": vim, "RECEIVER_ID": receiver, "WINDOW_ID": planned, "NOTIFICATION_ID": test}
