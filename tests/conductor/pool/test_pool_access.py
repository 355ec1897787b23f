"""Who may be a monitor of the pool, and who may see and drain one."""

from __future__ import annotations

import json
import uuid
from collections.abc import AsyncGenerator
from pathlib import Path

import grpc
import pytest

from tests.support.deployments.secured_conductors import (
    ADMIN,
    DRIVER,
    EXECUTOR,
    MONITOR,
    OPERATOR,
    READER,
    REPORTER,
    client_as,
    secured,
)
from tests.support.sql.stores import sqlite_url, store_at
from vimesh.v1 import action_pb2, conductor_service_pb2, fleet_service_pb2
from vimesh.wire.error_statuses import failure_of

WITHIN_S = 30
EVERYWHERE = ("https://login.example#otto", "operator", "*")
READER_EVERYWHERE = ("https://login.example#rita", "reader", "*")
BRIDGE = ("spiffe://vimesh/bridge/b1", "reader,reporter", "*")
OTHER = ("spiffe://vimesh/monitor/m2", MONITOR[1], MONITOR[2])

Who = tuple[str, str, str]


def audit_of(folder: Path) -> Path:
    return folder / "audit.log"


@pytest.fixture
async def address(tmp_path: Path) -> AsyncGenerator[str]:
    async with (
        store_at(sqlite_url(tmp_path / "vimesh.sqlite")) as store,
        secured(store, tmp_path, audit_file=audit_of(tmp_path)) as address,
    ):
        yield address


async def watch_as(address: str, who: Who, monitor_id: str) -> str:
    """Watch as a monitor of the pool until the list is complete; return the reason of a refusal, or nothing."""
    request = conductor_service_pb2.WatchActionsRequest(pool=conductor_service_pb2.PoolMember(monitor_id=monitor_id))
    async with client_as(address, who) as client:
        try:
            await client.conductor.WatchActions(request, timeout=WITHIN_S).read()
        except grpc.aio.AioRpcError as error:
            return failure_of(error).reason
    return ""


async def listed(address: str, who: Who = ADMIN) -> list[tuple[str, str, bool]]:
    async with client_as(address, who) as client:
        answer = await client.fleet.ListMonitors(fleet_service_pb2.ListMonitorsRequest(), timeout=WITHIN_S)
    return [(each.monitor_id, each.identity, each.draining) for each in answer.monitors]


@pytest.mark.parametrize("who", [ADMIN, EXECUTOR, BRIDGE, DRIVER, OPERATOR, REPORTER])
async def test_only_monitors_of_the_fleet_get_vims(address: str, who: Who) -> None:
    assert await watch_as(address, who, str(uuid.uuid4())) == "PERMISSION_DENIED"
    assert await listed(address) == []


async def test_a_monitor_cannot_be_replaced_by_another_identity(address: str) -> None:
    monitor_id = str(uuid.uuid4())

    assert await watch_as(address, MONITOR, monitor_id) == ""
    assert await watch_as(address, OTHER, monitor_id) == "PERMISSION_DENIED"
    assert await listed(address, EVERYWHERE) == [(monitor_id, MONITOR[0], False)]


async def test_a_process_of_another_kind_does_not_join(address: str) -> None:
    said = fleet_service_pb2.ReportProcessRequest(
        process_id=str(uuid.uuid4()),
        kind=fleet_service_pb2.FleetProcess.EXECUTOR,
        pool=action_pb2.PoolPlace(capacity=1),
    )
    async with client_as(address, EXECUTOR) as executor:
        await executor.fleet.ReportProcess(said, timeout=WITHIN_S)

    assert await listed(address) == []


@pytest.mark.parametrize("who", [READER, READER_EVERYWHERE, OPERATOR, MONITOR])
async def test_monitors_are_for_those_who_run_the_fleet(address: str, who: Who) -> None:
    monitor_id = str(uuid.uuid4())
    await watch_as(address, MONITOR, monitor_id)
    refusals = []
    async with client_as(address, who) as client:
        for call in (
            client.fleet.ListMonitors(fleet_service_pb2.ListMonitorsRequest(), timeout=WITHIN_S),
            client.fleet.DrainMonitor(fleet_service_pb2.DrainMonitorRequest(monitor_id=monitor_id), timeout=WITHIN_S),
        ):
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await call
            refusals.append(failure_of(refused.value).reason)

    assert refusals == ["PERMISSION_DENIED", "PERMISSION_DENIED"]
    assert await listed(address) == [(monitor_id, MONITOR[0], False)]


async def test_a_drain_is_on_record_in_the_audit(address: str, tmp_path: Path) -> None:
    monitor_id = str(uuid.uuid4())
    await watch_as(address, MONITOR, monitor_id)
    async with client_as(address, EVERYWHERE) as client:
        await client.fleet.DrainMonitor(fleet_service_pb2.DrainMonitorRequest(monitor_id=monitor_id), timeout=WITHIN_S)

    [line] = [line for line in audit_of(tmp_path).read_text().splitlines() if "DrainMonitor" in line]
    assert (json.loads(line)["monitor_id"], json.loads(line)["identity"]) == (monitor_id, EVERYWHERE[0])
