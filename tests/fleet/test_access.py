"""Who one is, and what one may do, by the command line and by JSON, through a front that has proved it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.support.callers.caller import ask
from tests.support.callers.commands import Command, Ended
from tests.support.deployments.envoys import NOTHING, RunningEnvoy, running_envoy
from tests.support.deployments.secured_conductors import OPERATOR, READER, headers_of, secured
from tests.support.sql.stores import sqlite_url, store_at
from tests.support.timing.waiting import eventually

WITHIN_S = 30.0
ADDING = "            request_headers_to_add:\n"


@asynccontextmanager
async def front(tmp_path: Path, who: tuple[str, str, str] | None) -> AsyncGenerator[RunningEnvoy]:
    """Run a fleet whose front has proved that all callers are `who`."""
    added = [
        {"header": {"key": key, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}
        for key, value in (headers_of(*who) if who else ())
    ]
    items = "".join(f"            - {json.dumps(one)}\n" for one in added)
    proving = {ADDING: f"{ADDING}{items}"}
    # Not pytest's folder: the path of a Unix socket has to be short.
    with TemporaryDirectory(prefix="fleet-") as folder:
        async with (
            store_at(sqlite_url(tmp_path / "vimesh.sqlite")) as store,
            secured(store, Path(folder)) as address,
            running_envoy([address], instead=proving if who else NOTHING) as envoy,
        ):

            async def answers() -> bool:
                return (await ask(envoy.address, "GET", "/v1/whoami")).status != 503

            await eventually(answers, WITHIN_S)
            yield envoy


async def vimesh(folder: Path, envoy: RunningEnvoy, *arguments: str) -> Ended:
    command = Command(folder, {"VIMESH_ADDRESS": envoy.address})
    return await asyncio.to_thread(command, *arguments)


async def test_an_operator_is_told_who_it_is_and_works_in_its_project(tmp_path: Path) -> None:
    async with front(tmp_path, OPERATOR) as envoy:
        shown = await vimesh(tmp_path, envoy, "whoami")
        document = (await vimesh(tmp_path, envoy, "whoami", "-o", "json")).json
        by_json = (await ask(envoy.address, "GET", "/v1/whoami")).json()
        flags = ("--type", "openstack", "--auth-url", "http://192.0.2.1/v3")
        registered = await vimesh(tmp_path, envoy, "vim", "register", "--name", "lab", *flags)
        listed = (await vimesh(tmp_path, envoy, "vim", "list", "-o", "json")).json
        events = await vimesh(tmp_path, envoy, "vim", "events")
        event = (await ask(envoy.address, "GET", "/v1/events")).json()["events"][0]  # type: ignore[index]  # a list
        denied = await vimesh(tmp_path, envoy, "vim", "register", "--name", "lab", *flags, "--project", "b")

    assert shown.out.splitlines()[1:4] == [f"identity  {OPERATOR[0]}", "roles     operator", "projects  a"]
    assert "register" in shown.out
    assert document == by_json
    assert (document["identity"], document["projects"], document["all_projects"]) == (OPERATOR[0], ["a"], False)
    assert registered.code == 0
    assert [(vim["name"], vim["project_id"], vim["monitor"]["action_id"]) for vim in listed] == [("lab", "a", "")]
    assert f"REGISTERED  by {OPERATOR[0]}" in events.out
    assert event["actor"] == OPERATOR[0]
    assert denied.code == 1
    assert "PERMISSION_DENIED" in denied.err
    assert "vimesh whoami" in denied.err


@pytest.mark.parametrize(
    ("arguments", "answer"),
    [
        (("list",), "yes"),
        (("deregister",), "no"),
        (("list", "--project", "a"), "yes"),
        (("list", "--project", "b"), "no"),
        (("vimesh.v1.VimService/GetVim",), "yes"),
        (("vimesh.v1.ConductorService/UpdateVim",), "no"),
        (("report",), "no"),
    ],
)
async def test_what_one_may_do_can_be_asked_by_scripts(
    reader: RunningEnvoy, tmp_path: Path, arguments: tuple[str, ...], answer: str
) -> None:
    ended = await vimesh(tmp_path, reader, "auth", "can-i", *arguments)

    assert (ended.out, ended.code) == (f"{answer}\n", 0 if answer == "yes" else 4)


@pytest.fixture
async def reader(tmp_path: Path) -> AsyncGenerator[RunningEnvoy]:
    async with front(tmp_path, READER) as envoy:
        yield envoy


async def test_a_verb_that_does_not_exist_is_wrong_usage(reader: RunningEnvoy, tmp_path: Path) -> None:
    ended = await vimesh(tmp_path, reader, "auth", "can-i", "fly")

    assert ended.code == 2
    assert "register, show" in ended.err


async def test_nobody_is_told_what_is_missing(tmp_path: Path) -> None:
    async with front(tmp_path, None) as envoy:
        ended = await vimesh(tmp_path, envoy, "whoami")
        answer = await ask(envoy.address, "GET", "/v1/vims")

    assert ended.code == 1
    assert "IDENTITY_REQUIRED" in ended.err
    assert answer.status == 401
