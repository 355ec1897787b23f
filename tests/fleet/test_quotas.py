"""What callers are told of quotas at each door, and when a project has reached one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path

import grpc
import pytest
from google.protobuf.message import Message
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from tests.support.callers.caller import ask
from tests.support.callers.commands import Command
from tests.support.deployments.conductors import Client, client_at, conductor_over
from tests.support.deployments.envoys import running_envoy
from tests.support.deployments.fleets import starting_fleet
from tests.support.deployments.rest_doors import LAB, door_to, refusal
from tests.support.deployments.secured_conductors import READER, client_as, secured
from tests.support.sql.stores import sqlite_url, store_at
from vimesh.cli.base.exits import ExitCode
from vimesh.cli.client.explain_failures import failure
from vimesh.domain.access.quotas import ProjectLimits, Quotas
from vimesh.v1 import access_service_pb2, vim_pb2
from vimesh.v1 import vim_service_pb2 as pb
from vimesh.wire.error_statuses import retry_delay_s

FULL, FAST = "full", "fast"
QUOTAS = Quotas(
    ProjectLimits(vims=100, event_bytes=1 << 62),
    {FULL: ProjectLimits(vims=0), FAST: ProjectLimits(changes_per_s=1)},
)


@pytest.fixture
async def client(tmp_path: Path) -> AsyncGenerator[Client]:
    async with (
        store_at(sqlite_url(tmp_path / "vimesh.sqlite"), quotas=QUOTAS) as store,
        conductor_over(store) as opened,
    ):
        yield opened


async def refused_call(client: Client, project_id: str) -> grpc.aio.AioRpcError:
    """Register until that is refused: a quota of these tests allows one VIM at most.

    Several at once, so that they get their turns within a second of each other, however slow the disk is.
    """
    calls = (client.register(project_id=project_id) for _ in range(8))
    results = await asyncio.gather(*calls, return_exceptions=True)
    return next(result for result in results if isinstance(result, grpc.aio.AioRpcError))


def details_of(error: grpc.aio.AioRpcError) -> dict[str, Message]:
    status = rpc_status.from_call(error)
    assert status is not None
    kinds = (error_details_pb2.ErrorInfo, error_details_pb2.QuotaFailure, error_details_pb2.RetryInfo)
    found: dict[str, Message] = {}
    for detail in status.details:
        for kind in kinds:
            if detail.Is(kind.DESCRIPTOR):
                message = kind()
                detail.Unpack(message)
                found[kind.DESCRIPTOR.name] = message
    return found


async def test_grpc_says_which_quota_of_which_project(client: Client) -> None:
    error = await refused_call(client, FULL)
    details = details_of(error)

    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert error.details() == "project full has reached its quota of 0 VIMs"
    assert details["ErrorInfo"] == error_details_pb2.ErrorInfo(
        reason="QUOTA_EXCEEDED",
        domain="vimesh.v1",
        metadata={"project_id": FULL, "quota": "VIMS", "limit": "0"},
    )
    [violation] = details["QuotaFailure"].violations  # type: ignore[attr-defined]  # a QuotaFailure
    assert (violation.subject, violation.quota_id, violation.quota_value) == ("project:full", "VIMS", 0)
    assert "RetryInfo" not in details


async def test_grpc_says_when_a_change_may_be_made_again(client: Client) -> None:
    error = await refused_call(client, FAST)

    info = details_of(error)["ErrorInfo"]
    assert info.reason == "CHANGE_RATE_EXCEEDED"  # type: ignore[attr-defined]  # an ErrorInfo
    assert info.metadata["quota"] == "CHANGES_PER_S"  # type: ignore[attr-defined]  # as above
    assert 0.0 < retry_delay_s(error) <= 2.0


async def test_a_batch_has_the_refusal_beside_what_was_registered(client: Client) -> None:
    requests = [
        pb.RegisterVimRequest(
            vim=vim_pb2.Vim(name="lab", type="openstack", auth_url="http://192.0.2.1", project_id=project_id)
        )
        for project_id in (FULL, "other")
    ]
    results = (await client.vims.RegisterVims(pb.RegisterVimsRequest(requests=requests), timeout=30)).results

    assert [result.WhichOneof("outcome") for result in results] == ["refused", "registered"]
    assert results[0].refused.code == grpc.StatusCode.RESOURCE_EXHAUSTED.value[0]


async def test_the_command_line_does_not_wait_for_a_quota(client: Client) -> None:
    full = failure(await refused_call(client, FULL), client.address)
    fast = failure(await refused_call(client, FAST), client.address)

    assert str(full) == "project full has reached its quota of 0 VIMs (QUOTA_EXCEEDED)"
    assert (full.code, fast.code) == (ExitCode.ERROR, ExitCode.UNAVAILABLE)
    assert full.hint.startswith("deregister VIMs")


async def test_json_answers_429_with_the_reason(client: Client) -> None:
    async with running_envoy([client.address]) as envoy:
        await envoy.until_healthy([client.address])
        body = '{"vim": {"name": "lab", "type": "openstack", "auth_url": "http://192.0.2.1", "project_id": "full"}}'
        answer = await ask(envoy.address, "POST", "/v1/vims", body, {"content-type": "application/json"})

    assert answer.status == 429
    details = answer.json()["details"]
    assert isinstance(details, list)
    [info, quota_failure] = details
    assert info["reason"] == "QUOTA_EXCEEDED"
    assert quota_failure["@type"] == "type.googleapis.com/google.rpc.QuotaFailure"
    assert quota_failure["violations"][0]["subject"] == "project:full"


async def test_rest_answers_409_for_a_full_project_and_429_for_a_fast_one(client: Client) -> None:
    async with door_to(client.address) as door:
        full = await door.send("POST", "vims.json", {"vim": LAB | {"tenant_id": FULL}})
        await door.send("POST", "vims.json", {"vim": LAB | {"tenant_id": FAST}})
        fast = await door.send("POST", "vims.json", {"vim": LAB | {"tenant_id": FAST, "name": "other"}})

    assert refusal(full) == (409, "OverQuota", "project full has reached its quota of 0 VIMs")
    assert refusal(fast)[:2] == (429, "HTTPTooManyRequests")
    assert fast.headers["retry-after"] in ("1", "2")


async def test_a_quota_is_shown_at_each_door(client: Client, tmp_path: Path) -> None:
    await client.register()
    answer = await client.access.GetQuota(access_service_pb2.GetQuotaRequest(), timeout=30)
    command = Command(tmp_path, {"VIMESH_ADDRESS": client.address})
    table = await asyncio.to_thread(command, "quota", "show")
    document = (await asyncio.to_thread(command, "quota", "show", FAST, "-o", "json")).json
    async with running_envoy([client.address]) as envoy:
        await envoy.until_healthy([client.address])
        by_json = (await ask(envoy.address, "GET", f"/v1/quota?project_id={FAST}")).json()

    quota = answer.quota
    assert (quota.project_id, quota.vims.limit, quota.vims.used) == ("default", 100, 1)
    assert (quota.event_bytes.limit, quota.event_bytes.used > 400) == (1 << 62, True)
    assert quota.changes_per_s == access_service_pb2.QuotaUsage()
    assert table.out.split() == [
        *("RESOURCE", "LIMIT", "USED"),
        *("vims", "100", "1"),
        *("event_bytes", str(1 << 62), str(quota.event_bytes.used)),
        *("changes_per_s", "unlimited", "-"),
    ]
    assert by_json == {"quota": document}
    assert document == {
        "project_id": FAST,
        "vims": {"used": "0"},
        "event_bytes": {},
        "changes_per_s": {"limit": "1", "used": "0"},
    }


async def test_the_quota_of_another_project_is_not_shown(tmp_path: Path) -> None:
    async with (
        store_at(sqlite_url(tmp_path / "vimesh.sqlite"), quotas=QUOTAS) as store,
        secured(store, tmp_path) as address,
        client_as(address, READER) as reader,
    ):
        own = await reader.access.GetQuota(access_service_pb2.GetQuotaRequest(), timeout=30)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await reader.access.GetQuota(access_service_pb2.GetQuotaRequest(project_id=FULL), timeout=30)

    assert own.quota.project_id == "a"
    assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED


@pytest.mark.fleet
async def test_the_quotas_of_a_local_fleet_are_those_of_its_conductors(tmp_path: Path) -> None:
    exceptions = tmp_path / "quotas.yaml"
    exceptions.write_text("projects: {free: {vims: unlimited}}")
    flags = ("--quota-vims", "1", "--quota-file", str(exceptions))
    async with starting_fleet(tmp_path, *flags) as fleet, client_at(fleet.address) as client:
        for _ in range(2):
            await client.register(project_id="free")
        error = await refused_call(client, "other")

    assert error.details() == "project other has reached its quota of 1 VIMs"
