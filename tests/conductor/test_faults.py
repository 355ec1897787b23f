"""A defect in one part of a conductor takes no other part down."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Never, cast

from grpc_health.v1.health_pb2 import HealthCheckResponse

from tests.conductor.test_serving import until_health
from tests.support.deployments.conductors import client_at
from tests.support.sql.stores import sqlite_url, store_at
from vimesh.conductor.conductor_process import ConductorSettings, serving
from vimesh.conductor.upkeep.lease_sweep import SweepLimits
from vimesh.domain.vim_store import VimStore
from vimesh.v1 import vim_pb2, vim_service_pb2


class Faulty:
    """A store with a defect in what the parts beside the calls ask of it."""

    def __init__(self, store: VimStore) -> None:
        self._store = store
        self.broken = False
        self.met: set[str] = set()

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - any method of a store
        if not self.broken or name not in {"span", "clock", "events_after"}:
            return getattr(self._store, name)

        async def defect(*_: object) -> Never:
            self.met.add(name)
            raise ValueError(name)

        return defect


async def test_a_defect_in_the_background_ends_no_conductor(tmp_path: Path) -> None:
    settings = ConductorSettings(drain_s=0, grace_s=1, sweep=SweepLimits(period_s=0.05))
    async with store_at(sqlite_url(tmp_path / "vimesh.sqlite")) as store:
        faulty = Faulty(store)
        async with serving(cast("VimStore", faulty), settings) as ports, client_at(f"127.0.0.1:{ports.main}") as client:
            vim = await client.register()
            stream = client.vims.WatchVims(vim_service_pb2.WatchVimsRequest(), timeout=30)
            await anext(aiter(stream))

            faulty.broken = True
            await until_health(client, HealthCheckResponse.NOT_SERVING)
            await client.report(vim, vim_pb2.Vim.REACHABLE, 1)
            faulty.broken = False

            await until_health(client, HealthCheckResponse.SERVING)
            async for response in stream:
                if response.events:
                    break
            assert [event.status for event in response.events] == [vim_pb2.Vim.REACHABLE]
        assert {"span", "clock"} <= faulty.met
