"""A number in a report harms nobody but the VIM that it is said of, and that one for no longer than a lease (G13)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration

from tests.support.clouds.targets import FakeApi
from tests.support.deployments.conductors import Client, conductor_over
from tests.support.probers.loopback_rules import LOOPBACK_RULES
from tests.support.sql.stores import sqlite_url, store_at
from vimesh.conductor.conductor_process import ConductorSettings
from vimesh.conductor.upkeep.lease_sweep import SweepLimits
from vimesh.domain.vims import Recorded, Report, Status
from vimesh.monitor.monitor_process import MonitorSettings, run_monitor
from vimesh.store.sql_store import SqlStore
from vimesh.v1 import vim_service_pb2 as pb
from vimesh.v1.vim_pb2 import ProbePolicy, Vim, VimEvent
from vimesh.wire.error_statuses import failure_of

LARGEST = 2**63 - 2**22
OF_OLDER_VERSIONS = 2**64 - 1
QUICK = ConductorSettings(contact_within_s=1.5, sweep=SweepLimits(period_s=0.1), drain_s=0, grace_s=1)
WITHIN_S = 60.0


@asynccontextmanager
async def monitored(store: SqlStore) -> AsyncGenerator[Client]:
    async with conductor_over(store, QUICK) as client, asyncio.TaskGroup() as parts:
        running = parts.create_task(run_monitor(MonitorSettings(client.address, rules=LOOPBACK_RULES)))
        yield client
        running.cancel()


async def register(client: Client, api: FakeApi) -> Vim:
    policy = ProbePolicy(interval=Duration(seconds=1), timeout=Duration(nanos=300_000_000))
    vim = await client.register(auth_url=api.url, probe_policy=policy)
    return await client.until(vim.id, lambda now: now.status == Vim.REACHABLE, WITHIN_S)


async def changes_of(client: Client, vim: Vim) -> list[VimEvent.Kind.ValueType]:
    listed = await client.vims.ListVimEvents(pb.ListVimEventsRequest(vim_id=vim.id), timeout=10)
    return [event.kind for event in reversed(listed.events)]


@pytest.mark.parametrize("forged", [LARGEST, OF_OLDER_VERSIONS])
async def test_a_vim_with_a_forged_observation_heals_and_its_neighbours_notice_nothing(
    tmp_path: Path, api: FakeApi, forged: int
) -> None:
    async with store_at(sqlite_url(tmp_path / "vimesh.sqlite")) as store, monitored(store) as client:
        poisoned = [await register(client, api) for _ in range(3)]
        neighbours = [await register(client, api) for _ in range(10)]

        # Past the door, which let any number in once.
        reports = [Report(vim.id, vim.monitor.action_id, Status.UNREACHABLE, forged) for vim in poisoned]
        assert await store.record_reports(reports, contact_within_s=1.5) == [Recorded(Status.UNREACHABLE)] * 3

        for vim in poisoned:
            action_id = vim.monitor.action_id
            healed = await client.until(
                vim.id,
                lambda now, old=action_id: now.status == Vim.REACHABLE and now.monitor.action_id != old,  # type: ignore[misc]  # a default
                WITHIN_S,
            )
            assert healed.monitor.contact_time.ToNanoseconds() > 0
            assert VimEvent.ACTION_REPLACED in await changes_of(client, vim)
        for vim in neighbours:
            assert await changes_of(client, vim) == [VimEvent.REGISTERED, VimEvent.STATUS_CHANGED]


async def test_the_door_lets_no_observation_in_that_a_monitor_cannot_count_on_from(tmp_path: Path) -> None:
    async with store_at(sqlite_url(tmp_path / "vimesh.sqlite")) as store, conductor_over(store) as client:
        vim = await client.register()

        for number in (LARGEST + 1, 2**63 - 1, 2**63, OF_OLDER_VERSIONS):
            with pytest.raises(grpc.aio.AioRpcError) as failed:
                await client.report(vim, Vim.UNREACHABLE, number)
            assert [broken.field for broken in failure_of(failed.value).violations] == ["observation"]
        assert (await client.get(vim.id)).status == Vim.PENDING
        await client.report(vim, Vim.UNREACHABLE, LARGEST)
        assert (await client.get(vim.id)).status == Vim.UNREACHABLE
