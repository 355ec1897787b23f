"""A conductor that requires identities lets nobody in without one, and each role only where it may go (G14)."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.message import Message
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from tests.support.callers.open_requests import open_requests
from tests.support.deployments.conductors import conductor_over
from tests.support.deployments.secured_conductors import (
    ADMIN,
    CONSOLE,
    DRIVER,
    MONITOR,
    NOTIFIER,
    OPERATOR,
    READER,
    client_as,
    headers_of,
    interceptors,
    secured,
)
from tests.support.sql.stores import sqlite_url, store_at
from vimesh.conductor.conductor_process import ConductorSettings
from vimesh.domain.errors import BadSetting
from vimesh.rpc.caller_roles import EVERYONE, NOBODY
from vimesh.rpc.rpc_table import RPCS, Rpc
from vimesh.v1 import (
    access_service_pb2,
    availability_service_pb2,
    conductor_service_pb2,
    fleet_service_pb2,
    history_service_pb2,
    maintenance_service_pb2,
    notifier_service_pb2,
    receiver_service_pb2,
    vim_service_pb2,
    workflow_service_pb2,
)
from vimesh.wire.error_statuses import failure_of

WITHIN_S = 30
ID = str(uuid.uuid4())
_FILES = (
    access_service_pb2,
    availability_service_pb2,
    conductor_service_pb2,
    fleet_service_pb2,
    history_service_pb2,
    maintenance_service_pb2,
    notifier_service_pb2,
    receiver_service_pb2,
    vim_service_pb2,
    workflow_service_pb2,
)
WHO = {
    "reader": READER,
    # Monitors are for those who see all projects.
    "operator": (OPERATOR[0], "operator", "*"),
    "admin": ADMIN,
    "reporter": MONITOR,
    "driver": DRIVER,
    # Without the role that a notifier's certificate stands for besides.
    "notifier": (NOTIFIER[0], "notifier", "*"),
    "console": CONSOLE,
}


@pytest.fixture
async def address(tmp_path: Path) -> AsyncGenerator[str]:
    async with store_at(sqlite_url(tmp_path / "vimesh.sqlite")) as store, secured(store, tmp_path) as address:
        yield address


def channel_of_bytes(channel: Any) -> Any:  # noqa: ANN401 - without serializers, gRPC's stubs take nothing
    return channel


async def outcome(channel: grpc.aio.Channel, rpc: Rpc) -> grpc.StatusCode:
    """Make a call, with an empty request, and return how it ended; OK for a stream that has begun."""
    path, plain = f"/{rpc.service}/{rpc.method}", channel_of_bytes(channel)
    try:
        if rpc.time_limit_s is None:
            stream = plain.unary_stream(path)(b"", timeout=WITHIN_S)
            assert await stream.read() is not grpc.aio.EOF
            stream.cancel()
        else:
            await plain.unary_unary(path)(b"", timeout=WITHIN_S)
    except grpc.aio.AioRpcError as error:
        return error.code()
    return grpc.StatusCode.OK


def test_each_rpc_is_in_the_table_with_those_whom_it_is_for() -> None:
    methods = {
        f"/{service.full_name}/{method}"
        for file in _FILES
        for service in file.DESCRIPTOR.services_by_name.values()
        for method in service.methods_by_name
    }

    assert {rpc.path for rpc in RPCS if rpc.callers != NOBODY} == methods


async def test_nobody_gets_in_without_an_identity(address: str) -> None:
    async with client_as(address, None) as client:
        for rpc in RPCS:
            assert await outcome(client.channel, rpc) is grpc.StatusCode.UNAUTHENTICATED, rpc.method
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await client.get(ID)

    assert failure_of(refused.value).reason == "IDENTITY_REQUIRED"


@pytest.mark.parametrize("role", WHO)
async def test_each_role_may_call_its_own_rpcs_only(address: str, role: str) -> None:
    async with client_as(address, WHO[role]) as client:
        answer = await client.access.WhoAmI(access_service_pb2.WhoAmIRequest(), timeout=WITHIN_S)
        for rpc in RPCS:
            allowed = rpc.callers == EVERYONE or role in rpc.callers
            code = await outcome(client.channel, rpc)
            assert (code is not grpc.StatusCode.PERMISSION_DENIED) is allowed, rpc.method
            assert (f"{rpc.service}/{rpc.method}" in answer.rpcs) is allowed, rpc.method
            assert code is not grpc.StatusCode.UNAUTHENTICATED


async def test_who_one_is_can_be_asked(address: str) -> None:
    async with client_as(address, OPERATOR) as client:
        answer = await client.access.WhoAmI(access_service_pb2.WhoAmIRequest(), timeout=WITHIN_S)
    async with client_as(address, MONITOR) as client:
        monitor = await client.access.WhoAmI(access_service_pb2.WhoAmIRequest(), timeout=WITHIN_S)

    assert (answer.identity, list(answer.roles), list(answer.projects)) == (OPERATOR[0], ["operator"], ["a"])
    assert (answer.all_projects, list(answer.engines)) == (False, [])
    assert (monitor.all_projects, list(monitor.projects), list(monitor.engines)) == (True, [], ["EMBEDDED"])


async def test_callers_at_the_same_time_are_not_mixed_up(address: str) -> None:
    who = [(f"https://login.example#{number}", "reader", f"p{number}") for number in range(20)]

    async def ask(one: tuple[str, str, str]) -> None:
        async with client_as(address, one) as client:
            calls = [client.access.WhoAmI(access_service_pb2.WhoAmIRequest(), timeout=WITHIN_S) for _ in range(20)]
            for answer in await asyncio.gather(*calls):
                assert (answer.identity, list(answer.projects)) == (one[0], [one[2]])

    await asyncio.gather(*map(ask, who))


async def test_reflection_is_for_administrators_and_health_for_all(address: str) -> None:
    async def listed(who: tuple[str, str, str] | None) -> Message:
        request = reflection_pb2.ServerReflectionRequest(list_services="")
        metadata = headers_of(*who) if who else ()
        async with grpc.aio.insecure_channel(address) as channel:
            stub: Any = reflection_pb2_grpc.ServerReflectionStub(channel)
            return await stub.ServerReflectionInfo(open_requests(request), metadata=metadata, timeout=WITHIN_S).read()  # type: ignore[no-any-return]

    assert "vimesh.v1.AccessService" in str(await listed(ADMIN))
    for who, code in ((None, grpc.StatusCode.UNAUTHENTICATED), (OPERATOR, grpc.StatusCode.PERMISSION_DENIED)):
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await listed(who)
        assert refused.value.code() is code
    async with grpc.aio.insecure_channel(address) as channel:
        health: Any = health_pb2_grpc.HealthStub(channel)
        answer = await health.Check(health_pb2.HealthCheckRequest(), timeout=WITHIN_S)
    assert answer.status == health_pb2.HealthCheckResponse.SERVING


async def test_an_open_conductor_believes_no_header_and_lets_everybody_in(tmp_path: Path) -> None:
    async with store_at(sqlite_url(tmp_path / "vimesh.sqlite")) as store, conductor_over(store) as client:
        vim = await client.register(project_id="b")
        added = interceptors(*headers_of(*READER))
        async with grpc.aio.insecure_channel(client.address, interceptors=added) as channel:
            for rpc in RPCS:
                assert await outcome(channel, rpc) is not grpc.StatusCode.PERMISSION_DENIED, rpc.method
        answer = await client.access.WhoAmI(access_service_pb2.WhoAmIRequest(), timeout=WITHIN_S)
        assert (await client.get(vim.id)).monitor.action_id

    assert (answer.identity, answer.all_projects, len(answer.rpcs)) == ("", True, len(RPCS))


def test_identities_cannot_be_required_where_anybody_can_claim_one() -> None:
    with pytest.raises(BadSetting, match="require_identity"):
        ConductorSettings(listen="127.0.0.1:0", requires_identity=True)


async def test_nothing_is_parsed_for_a_caller_who_is_not_let_in(address: str) -> None:
    async with client_as(address, None) as client:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await channel_of_bytes(client.channel).unary_unary("/vimesh.v1.VimService/GetVim")(
                b"\xff\xff", timeout=WITHIN_S
            )

    assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED
