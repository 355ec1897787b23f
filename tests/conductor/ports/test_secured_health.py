"""A conductor with certificates answers health by TLS to fronts, and without it where a supervisor asks."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import grpc
import pytest
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub

from tests.support.clouds.targets import free_port
from tests.support.deployments.envoys import PLAIN, running_envoy
from tests.support.identities.certified import Certified
from tests.support.identities.secured_fleets import secured
from tests.support.sql.stores import sqlite_url, store_at
from vimesh.certificates.spiffe_ids import Role
from vimesh.conductor.conductor_process import ConductorSettings, serving
from vimesh.conductor.ports.vitals import Vitals
from vimesh.domain.errors import BadSetting
from vimesh.envoy.fleet.front_fleet import ClusterName
from vimesh.rpc.ports.health_port import LIVE, answering_probes

UP, DOWN = HealthCheckResponse.SERVING, HealthCheckResponse.NOT_SERVING
WITHIN_S = 10.0


def ask(port: int, service: str = "") -> int:
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        request = HealthCheckRequest(service=service)
        return HealthStub(channel).Check(request, timeout=WITHIN_S, wait_for_ready=True).status  # type: ignore[no-any-return]  # the library has no types


async def test_a_secured_front_asks_for_health_at_a_port_of_its_own(tmp_path: Path) -> None:
    certified = Certified(tmp_path / "certs")
    settings = ConductorSettings(
        listen="127.0.0.1:0",
        credentials=certified.part(Role.CONDUCTOR, "c1"),
        requires_identity=True,
        probe_listen=f"127.0.0.1:{free_port()}",
        drain_s=0,
        grace_s=1,
    )
    like = replace(PLAIN, security=secured(certified, certified.part(Role.FRONT, "front-1")))
    async with store_at(sqlite_url(tmp_path / "vimesh.sqlite")) as store, serving(store, settings) as ports:
        async with running_envoy(ClusterName("127.0.0.1", ports.main, ports.health), like=like) as envoy:
            await envoy.until_healthy([f"127.0.0.1:{ports.main}"])

        with pytest.raises(grpc.RpcError):
            await asyncio.to_thread(ask, ports.health)
        probes = int(settings.probe_listen.rpartition(":")[2])
        assert await asyncio.to_thread(ask, probes) == UP
        assert await asyncio.to_thread(ask, probes, LIVE) == UP


async def test_only_a_loop_that_is_held_up_is_not_live() -> None:
    now_s = 1000.0
    vitals = Vitals(clock=lambda: now_s)
    port = free_port()
    async with answering_probes(f"127.0.0.1:{port}", vitals, ("",)):
        vitals.draining = True
        assert (await asyncio.to_thread(ask, port), await asyncio.to_thread(ask, port, LIVE)) == (DOWN, UP)
        now_s += 60
        assert await asyncio.to_thread(ask, port, LIVE) == DOWN


async def test_a_port_for_probes_that_is_taken_is_named() -> None:
    port = free_port()
    async with answering_probes(f"127.0.0.1:{port}", Vitals(), ("",)):
        with pytest.raises(BadSetting, match="probe_listen"):
            async with answering_probes(f"127.0.0.1:{port}", Vitals(), ("",)):
                pass
