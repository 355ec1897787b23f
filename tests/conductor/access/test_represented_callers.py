"""An api process says for whom it calls, and nobody else can: what counts is the person, not the process (G14)."""

from __future__ import annotations

import json
import uuid
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc
import pytest

from tests.support.deployments.conductors import Client, client_on
from tests.support.deployments.secured_conductors import (
    ADMIN,
    DRIVER,
    MONITOR,
    OPERATOR,
    client_as,
    headers_of,
    interceptors,
    secured,
)
from tests.support.sql.stores import sqlite_url, store_at
from vimesh.conductor.access.caller_headers import read_caller, read_represented
from vimesh.domain.errors import IdentityRequired, PermissionDenied
from vimesh.v1 import access_service_pb2, vim_service_pb2, workflow_service_pb2
from vimesh.wire.error_statuses import failure_of

WITHIN_S = 30
ANN = ("http://keystone/v3#ann", "operator", "blue")
ANN_READING = ("http://keystone/v3#ann", "reader", "blue")
GUS = ("http://keystone/v3#gus", "operator", "green")
ROOT = ("http://keystone/v3#root", "reader", "*")

Who = tuple[str, str, str]


@dataclass(frozen=True)
class Site:
    address: str
    audit: Path

    @asynccontextmanager
    async def calling(self, caller: Who, person: Who, call_id: str = "") -> AsyncGenerator[Client]:
        """Call as `caller`, for a person."""
        added = (*headers_of(*caller), *speaking_for(*person), *([("vimesh-for-call", call_id)] if call_id else []))
        async with grpc.aio.insecure_channel(self.address, interceptors=interceptors(*added)) as opened:
            yield client_on(opened, self.address)


def speaking_for(identity: str, roles: str, projects: str) -> tuple[tuple[str, str], ...]:
    return (("vimesh-for-identity", identity), ("vimesh-for-roles", roles), ("vimesh-for-projects", projects))


@pytest.fixture
async def site(tmp_path: Path) -> AsyncGenerator[Site]:
    audit = tmp_path / "audit.log"
    async with (
        store_at(sqlite_url(tmp_path / "vimesh.sqlite")) as store,
        secured(store, tmp_path, audit_file=audit) as address,
    ):
        yield Site(address, audit)


async def refused(call: object) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await call  # type: ignore[misc]  # a call of gRPC
    return error.value.code(), failure_of(error.value).reason


async def test_projects_are_those_of_the_person(site: Site) -> None:
    async with site.calling(DRIVER, ANN) as ann, site.calling(DRIVER, GUS) as gus, site.calling(DRIVER, ROOT) as root:
        vim = await ann.register(name="lab")
        other = await gus.register(name="lab")

        assert (vim.project_id, other.project_id) == ("blue", "green")
        assert await refused(gus.vims.GetVim(vim_service_pb2.GetVimRequest(vim_id=vim.id), timeout=WITHIN_S)) == (
            grpc.StatusCode.NOT_FOUND,
            "VIM_NOT_FOUND",
        )
        for client, seen in ((ann, [vim.id]), (gus, [other.id]), (root, sorted([vim.id, other.id]))):
            page = await client.vims.ListVims(vim_service_pb2.ListVimsRequest(), timeout=WITHIN_S)
            assert sorted(each.id for each in page.vims) == seen


async def test_changes_and_the_audit_name_the_person_and_the_process(site: Site) -> None:
    async with site.calling(DRIVER, ANN, call_id="of-the-request") as ann:
        vim = await ann.register(name="lab")
        events = await ann.vims.ListVimEvents(vim_service_pb2.ListVimEventsRequest(), timeout=WITHIN_S)
    async with site.calling(DRIVER, ANN_READING) as reading:
        gone = vim_service_pb2.DeregisterVimRequest(vim_id=vim.id)
        assert await refused(reading.vims.DeregisterVim(gone, timeout=WITHIN_S)) == (
            grpc.StatusCode.PERMISSION_DENIED,
            "PERMISSION_DENIED",
        )

    assert [event.actor for event in events.events] == [ANN[0]]
    made, denied = map(json.loads, site.audit.read_text().splitlines())
    assert (made["identity"], made["by_api"], made["call_id"]) == (ANN[0], DRIVER[0], "of-the-request")
    assert (made["outcome"], denied["outcome"], denied["identity"]) == ("OK", "PERMISSION_DENIED", ANN[0])


async def test_the_person_is_shown_no_action_ids(site: Site) -> None:
    async with (
        client_as(site.address, ADMIN) as admin,
        site.calling(DRIVER, ("spiffe://vimesh/cli/root", "admin", "*")) as root,
    ):
        vim = await admin.register(name="lab")
        assert (await admin.get(vim.id)).monitor.action_id
        assert (await root.get(vim.id)).monitor.action_id == ""


@pytest.mark.parametrize("caller", [ADMIN, OPERATOR, MONITOR, ("spiffe://vimesh/api/a1", "reader", "*")])
async def test_only_an_api_process_calls_for_others(site: Site, caller: Who) -> None:
    async with site.calling(caller, ANN) as client:
        listed = client.vims.ListVims(vim_service_pb2.ListVimsRequest(), timeout=WITHIN_S)
        assert await refused(listed) == (grpc.StatusCode.PERMISSION_DENIED, "PERMISSION_DENIED")

    refusal = json.loads(site.audit.read_text())
    assert (refusal["identity"], refusal["outcome"]) == (caller[0], "PERMISSION_DENIED")


async def test_an_api_process_has_no_vims_of_its_own(site: Site) -> None:
    async with client_as(site.address, DRIVER) as api:
        for call in (
            api.vims.ListVims(vim_service_pb2.ListVimsRequest(), timeout=WITHIN_S),
            api.vims.GetVim(vim_service_pb2.GetVimRequest(vim_id=str(uuid.uuid4())), timeout=WITHIN_S),
        ):
            assert await refused(call) == (grpc.StatusCode.PERMISSION_DENIED, "PERMISSION_DENIED")
        await api.workflows.ClaimWorkflowTasks(
            workflow_service_pb2.ClaimWorkflowTasksRequest(claimant="a1", max_tasks=1), timeout=WITHIN_S
        )


async def test_what_is_not_for_others_is_called_in_the_callers_own_name(site: Site) -> None:
    async with site.calling(DRIVER, ("http://keystone/v3#ann", "admin", "*")) as api:
        answer = await api.access.WhoAmI(access_service_pb2.WhoAmIRequest(), timeout=WITHIN_S)

    assert (answer.identity, list(answer.roles)) == (DRIVER[0], ["driver"])


@pytest.mark.parametrize(
    "headers",
    [
        [("vimesh-for-roles", "reader")],
        [("vimesh-for-identity", "")],
        [("vimesh-for-identity", "x#y"), ("vimesh-for-identity", "x#z")],
        [("vimesh-for-identity", "x#y"), ("vimesh-for-roles", "reporter")],
        [("vimesh-for-identity", "x#y"), ("vimesh-for-roles", "driver")],
        [("vimesh-for-identity", "x#y"), ("vimesh-for-roles", "root")],
        [("vimesh-for-identity", "x" * 1025)],
        [("vimesh-for-identity", "x#y"), ("vimesh-for-projects", "a," * 5000)],
    ],
)
def test_what_no_api_process_writes_names_nobody(headers: list[tuple[str, str | bytes]]) -> None:
    with pytest.raises(IdentityRequired):
        read_represented(headers, read_caller(headers_of(*DRIVER)))


@pytest.mark.parametrize("identity", ["https://login.example#spiffe://vimesh/api/a1", "spiffe://vimesh/cli/api"])
def test_a_name_that_looks_like_an_api_process_is_none(identity: str) -> None:
    with pytest.raises(PermissionDenied):
        read_represented([("vimesh-for-identity", "x#y")], read_caller(headers_of(identity, "driver", "*")))
