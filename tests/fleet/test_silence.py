"""A monitor that falls silent: nobody is told that its VIMs are well, another one takes over, and it may come back."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from google.protobuf.duration_pb2 import Duration

from tests.support.callers.recorder import Recorder, recording
from tests.support.clouds.targets import fake_api
from tests.support.deployments.conductors import Client, client_at
from tests.support.deployments.fleets import VIMESH, starting_fleet
from tests.support.probers.loopback_rules import PROBE_LOOPBACK
from tests.support.sql.databases import server
from tests.support.sql.stores import sqlite_url
from tests.support.timing.clocks import Clock
from tests.support.timing.waiting import eventually
from vimesh.v1 import vim_pb2
from vimesh.v1 import vim_service_pb2 as pb

pytestmark = [pytest.mark.fleet, pytest.mark.alone, pytest.mark.timeout(120)]

Vim = vim_pb2.Vim
FAST = vim_pb2.ProbePolicy(interval=Duration(nanos=500_000_000), timeout=Duration(nanos=200_000_000))
CONTACT_WITHIN_S = 1
LEASE_S = 3 * CONTACT_WITHIN_S
KINDS = os.environ.get("VIMESH_TEST_DATABASES", "sqlite").split(",")
"""On which databases: sqlite, postgresql, mariadb."""


async def listed(client: Client) -> list[vim_pb2.Vim]:
    return list((await client.vims.ListVims(pb.ListVimsRequest(page_size=1000), timeout=30)).vims)


@asynccontextmanager
async def another_monitor(address: str, clock: Clock) -> AsyncGenerator[None]:
    process = await asyncio.create_subprocess_exec(
        VIMESH, "monitor", "--address", address, *PROBE_LOOPBACK, env={**os.environ, **clock.environment}
    )
    try:
        yield
    finally:
        process.terminate()
        await asyncio.wait_for(process.wait(), 10)


@asynccontextmanager
async def database(kind: str, folder: Path) -> AsyncGenerator[str]:
    if kind == "sqlite":
        yield sqlite_url(folder / "vimesh.sqlite")
    else:
        async with server(kind) as running:
            yield running.url


@pytest.mark.parametrize("kind", KINDS)
async def test_a_monitor_that_stops_is_not_believed_and_its_actions_are_run_by_another_one(
    tmp_path: Path, kind: str
) -> None:
    # The one that takes over has a clock of its own: no two machines' clocks are compared.
    clock = Clock(tmp_path / "clock")
    clock.set(-3600)
    async with database(kind, tmp_path) as url:
        await silenced(tmp_path, url, clock)


async def silenced(tmp_path: Path, database_url: str, clock: Clock) -> None:
    settings = ["env", f"VIMESH_CONDUCTOR_CONTACT_WITHIN={CONTACT_WITHIN_S}s", f"VIMESH_DATABASE_URL={database_url}"]
    async with (
        starting_fleet(tmp_path, prefix=settings) as fleet,
        client_at(fleet.address) as client,
        recording(client) as seen,
        fake_api() as api,
    ):
        vims = [await client.register(auth_url=api.url, probe_policy=FAST) for _ in range(20)]
        await seen.until(lambda: all(seen.status.get(vim.id) == Vim.REACHABLE for vim in vims), 20)

        [monitor] = fleet.pids("vimesh", "monitor")
        # A machine that stands still, with who would replace a monitor that does not answer.
        stopped = (monitor, fleet.process.pid)
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)
        try:
            await eventually(lambda: all_read_unknown(client), LEASE_S + 2)
            await seen.until(lambda: all(seen.status[vim.id] == Vim.UNKNOWN for vim in vims), 10)
            # The conductors' sweep gives them new actions, which nobody runs yet.
            await seen.until(lambda: replaced_in(seen) >= {vim.monitor.action_id for vim in vims}, 30)
            async with another_monitor(fleet.address, clock):
                await seen.until(lambda: all(seen.status[vim.id] == Vim.REACHABLE for vim in vims), 30)
                taken_over = {vim.id: vim.monitor.action_id for vim in await listed(client)}
                for pid in stopped:
                    os.kill(pid, signal.SIGCONT)

                for vim in vims:
                    assert taken_over[vim.id] != vim.monitor.action_id
                    stale = await client.report(vim, Vim.UNREACHABLE, 1 << 40)
                    assert stale.WhichOneof("outcome") == "bad_action"
        finally:
            for pid in stopped:
                os.kill(pid, signal.SIGCONT)

        seen.check_order()
        replaced = [event for event in seen.events if event.kind == vim_pb2.VimEvent.ACTION_REPLACED]
        after = [event for event in seen.events if event.revision > replaced[-1].revision]
        assert {event.action_id for event in after}.isdisjoint(vim.monitor.action_id for vim in vims)


def replaced_in(seen: Recorder) -> set[str]:
    return {event.stopped_action_id for event in seen.events if event.kind == vim_pb2.VimEvent.ACTION_REPLACED}


async def all_read_unknown(client: Client) -> bool:
    vims = await listed(client)
    return all((vim.status, vim.reason) == (Vim.UNKNOWN, "SILENT") for vim in vims)
