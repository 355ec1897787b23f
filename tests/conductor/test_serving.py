from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path

import pytest
from grpc_health.v1 import health_pb2
from grpc_health.v1.health_pb2_grpc import HealthStub

from tests.support.callers.buf_curl import buf_curl
from tests.support.deployments.conductors import Client, client_at, conductor_at
from tests.support.sql.stores import sqlite_url, store_at
from vimesh.conductor.conductor_process import ConductorSettings, serving
from vimesh.domain.errors import BadSetting
from vimesh.rpc.rpc_table import COMMON_RPCS, RPCS
from vimesh.v1 import vim_pb2, vim_service_pb2


async def until_health(client: Client, wanted: health_pb2.HealthCheckResponse.ServingStatus.ValueType) -> None:
    """Wait for what the health service says: by its own watch."""
    stream = HealthStub(client.channel).Watch(
        health_pb2.HealthCheckRequest(service="vimesh.v1.ConductorService"), timeout=30
    )
    async for response in stream:
        if response.status == wanted:
            break


async def test_a_conductor_says_not_serving_while_its_database_is_away(tmp_path: Path) -> None:
    database = tmp_path / "live" / "vimesh.sqlite"
    database.parent.mkdir()
    async with conductor_at(database) as client:
        await until_health(client, health_pb2.HealthCheckResponse.SERVING)
        shutil.move(database.parent, tmp_path / "away")
        await until_health(client, health_pb2.HealthCheckResponse.NOT_SERVING)
        shutil.move(tmp_path / "away", database.parent)
        await until_health(client, health_pb2.HealthCheckResponse.SERVING)


async def test_a_draining_conductor_says_so_and_tells_its_watchers_where_to_go_on(tmp_path: Path) -> None:
    settings = ConductorSettings(drain_s=0.2, grace_s=2)
    async with store_at(sqlite_url(tmp_path / "vimesh.sqlite")) as store:
        server = serving(store, settings)
        ports = await server.__aenter__()
        async with client_at(f"127.0.0.1:{ports.main}") as client:
            vim = await client.register()
            stream = client.vims.WatchVims(vim_service_pb2.WatchVimsRequest(), timeout=30)
            await anext(aiter(stream))
            health = asyncio.create_task(until_health(client, health_pb2.HealthCheckResponse.NOT_SERVING))
            stopping = asyncio.create_task(server.__aexit__(None, None, None))
            await health
            # Who comes before the balancer has noticed is still served.
            assert (await client.get(vim.id)).id == vim.id
            last = [response async for response in stream][-1]
            await stopping

    assert (last.end, last.revision) == (vim_pb2.WATCH_END_DRAINING, vim.revision)


async def test_who_watches_the_health_of_a_conductor_does_not_hold_up_its_stop(tmp_path: Path) -> None:
    async with store_at(sqlite_url(tmp_path / "vimesh.sqlite")) as store:
        server = serving(store, ConductorSettings(drain_s=0.2, grace_s=300))
        ports = await server.__aenter__()
        async with client_at(f"127.0.0.1:{ports.main}") as client:
            await until_health(client, health_pb2.HealthCheckResponse.SERVING)
            request = health_pb2.HealthCheckRequest(service="vimesh.v1.ConductorService")
            stream = HealthStub(client.channel).Watch(request, timeout=60)
            first = await anext(aiter(stream))
            await asyncio.wait_for(server.__aexit__(None, None, None), 30)
            rest = [response.status async for response in stream]

    up, down = health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING
    assert [first.status, *rest] == [up, down]


def test_every_call_that_was_begun_can_be_finished() -> None:
    limits_s = [rpc.time_limit_s for rpc in (*RPCS, *COMMON_RPCS) if rpc.time_limit_s is not None]

    assert ConductorSettings().grace_s >= max(limits_s)


async def test_a_port_that_is_taken_stops_the_start(tmp_path: Path) -> None:
    async with (
        store_at(sqlite_url(tmp_path / "vimesh.sqlite")) as store,
        serving(store, ConductorSettings(drain_s=0)) as ports,
    ):
        with pytest.raises(BadSetting, match="listen"):
            async with serving(store, ConductorSettings(listen=f"127.0.0.1:{ports.main}", drain_s=0)):
                pass


async def test_a_foreign_client_needs_no_proto_files(client: Client) -> None:
    vim = await client.register()

    assert set((await buf_curl(client.address, "", "--list-services")).split()) == {
        "grpc.health.v1.Health",
        "grpc.reflection.v1.ServerReflection",
        "grpc.reflection.v1alpha.ServerReflection",
        "vimesh.v1.AccessService",
        "vimesh.v1.ConductorService",
        "vimesh.v1.AvailabilityService",
        "vimesh.v1.FleetService",
        "vimesh.v1.HistoryService",
        "vimesh.v1.MaintenanceService",
        "vimesh.v1.NotifierService",
        "vimesh.v1.ReceiverService",
        "vimesh.v1.VimService",
        "vimesh.v1.WorkflowService",
    }
    # Which takes the descriptors of all of them, that of reflection itself included.
    methods = (await buf_curl(client.address, "", "--list-methods")).split()
    assert {"grpc.reflection.v1.ServerReflection/ServerReflectionInfo", "vimesh.v1.VimService/GetVim"} <= set(methods)
    report = {"vim_id": vim.id, "status": "REACHABLE", "action_id": vim.monitor.action_id}
    answer = json.loads(
        await buf_curl(client.address, "/vimesh.v1.ConductorService/UpdateVim", data=json.dumps(report))
    )
    assert answer["status"] == "REACHABLE"
    claim = "/vimesh.v1.WorkflowService/ClaimWorkflowTasks"
    assert json.loads(await buf_curl(client.address, claim, data='{"claimant": "me"}')) == {}
