"""Only a monitor with a certificate gets credentials; each time is one line of the audit, and nothing tells them."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import grpc
import pytest
import structlog
from google.protobuf.json_format import MessageToDict
from google.protobuf.struct_pb2 import Struct

from tests.support.deployments.conductors import Client, conductor_over
from tests.support.deployments.secured_conductors import (
    ADMIN,
    EXECUTOR,
    MONITOR,
    OPERATOR,
    REPORTER,
    client_as,
    secured,
)
from tests.support.sql.stores import sqlite_url, store_at
from vimesh.v1 import conductor_service_pb2 as pb
from vimesh.v1.vim_pb2 import ProbePolicy, Vim
from vimesh.v1.vim_service_pb2 import ListVimEventsRequest
from vimesh.wire.error_statuses import failure_of

WITHIN_S = 30
SECRET = "correct horse battery staple"
_METHOD = "vimesh.v1.ConductorService/GetVimCredentials"
TOKEN_OF_A_PROGRAM = ("https://login.example#spiffe://vimesh/monitor/m1", "reporter", "*")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "audit.log"


@pytest.fixture
async def address(tmp_path: Path, file: Path) -> AsyncGenerator[str]:
    async with (
        store_at(sqlite_url(tmp_path / "vimesh.sqlite")) as store,
        secured(store, tmp_path, audit_file=file) as address,
    ):
        yield address


def auth_cred() -> Struct:
    struct = Struct()
    struct.update({"username": "ann", "password": SECRET})
    return struct


async def registered(client: Client) -> Vim:
    policy = ProbePolicy(depth=ProbePolicy.LOGIN)
    vim = await client.register(auth_cred=auth_cred(), probe_policy=policy, project_id="a")
    assert vim.auth_cred["password"] == "***"
    return vim


def text_of(file: Path) -> str:
    return file.read_text()


def fetches_in(file: Path) -> list[dict[str, Any]]:
    """Return the lines of the audit about credentials."""
    return [one for line in text_of(file).splitlines() if (one := json.loads(line))["method"] == _METHOD]


def request_of(vim: Vim, action_id: str) -> pb.GetVimCredentialsRequest:
    return pb.GetVimCredentialsRequest(vim_id=vim.id.upper(), action_id=action_id)


async def fetched(client: Client, vim: Vim, action_id: str) -> pb.GetVimCredentialsResponse:
    return await client.conductor.GetVimCredentials(request_of(vim, action_id), timeout=WITHIN_S)


async def refusal(client: Client, vim: Vim, action_id: str) -> str:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await fetched(client, vim, action_id)
    failure = failure_of(raised.value)
    return f"{failure.code.name} {failure.reason}"


async def test_a_monitor_gets_them_and_the_audit_says_so(address: str, file: Path) -> None:
    with structlog.testing.capture_logs() as log:
        async with client_as(address, ADMIN) as admin, client_as(address, MONITOR) as monitor:
            vim = await registered(admin)
            action_id = vim.monitor.action_id

            response = await fetched(monitor, vim, action_id)
            other = await fetched(monitor, vim, "another")
            events = await admin.vims.ListVimEvents(ListVimEventsRequest(vim_id=vim.id), timeout=WITHIN_S)

    assert response.credentials.type == "openstack"
    assert MessageToDict(response.credentials.auth_cred) == {"username": "ann", "password": SECRET}
    assert response.credentials.HasField("vim_project")
    assert other == pb.GetVimCredentialsResponse(bad_action=pb.BadAction())
    assert [(one["identity"], one["vim_id"], one["project_id"], one["outcome"]) for one in fetches_in(file)] == [
        (MONITOR[0], vim.id, "a", "OK"),
        (MONITOR[0], vim.id, "", "BAD_ACTION"),
    ]
    assert SECRET not in f"{text_of(file)}{events}{log}"


async def test_nobody_else_gets_them(address: str, file: Path) -> None:
    async with client_as(address, ADMIN) as admin:
        vim = await registered(admin)
        action_id = vim.monitor.action_id
        for who in (ADMIN, EXECUTOR, REPORTER, OPERATOR, TOKEN_OF_A_PROGRAM, (MONITOR[0], "reporter", "a")):
            async with client_as(address, who) as client:
                assert await refusal(client, vim, action_id) == "PERMISSION_DENIED PERMISSION_DENIED", who

    assert SECRET not in text_of(file)
    assert [one["outcome"] for one in fetches_in(file)] == ["PERMISSION_DENIED"] * 6


async def test_who_did_not_ask_for_logins_keeps_them(address: str) -> None:
    async with client_as(address, ADMIN) as admin, client_as(address, MONITOR) as monitor:
        vim = await admin.register(auth_cred=auth_cred())

        assert await refusal(monitor, vim, vim.monitor.action_id) == "FAILED_PRECONDITION LOGIN_NOT_WANTED"


async def test_an_open_fleet_hands_out_nothing_and_says_what_to_do(tmp_path: Path) -> None:
    async with store_at(sqlite_url(tmp_path / "vimesh.sqlite")) as store, conductor_over(store) as client:
        vim = await registered(client)
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await fetched(client, vim, vim.monitor.action_id)

    failure = failure_of(raised.value)
    assert (failure.code, failure.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "INSECURE_FLEET")
    assert "without --insecure" in failure.message
