"""Monitors that watch share the actions, and hand them over when one comes, drains or dies (G17)."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import grpc
import pytest
from sqlalchemy import update

from tests.support.deployments.conductors import Client, conductor_over
from tests.support.sql.stores import sqlite_url, store_at
from vimesh.conductor.conductor_process import ConductorSettings
from vimesh.conductor.pool.pool_upkeep import PoolLimits
from vimesh.domain.actions import ActionScope
from vimesh.domain.pool.pool_members import MEMBER_LEASE_S
from vimesh.store.pool.sql_pool_store import SqlPoolStore
from vimesh.store.schema.pool_tables import monitors
from vimesh.store.schema.timestamps import micros
from vimesh.store.sql_store import SqlStore
from vimesh.store.transactions.database import Database
from vimesh.v1 import action_pb2, fleet_service_pb2
from vimesh.v1 import conductor_service_pb2 as pb
from vimesh.v1.vim_pb2 import Monitor, ProbePolicy, Vim, VimEvent
from vimesh.v1.vim_service_pb2 import GetVimRequest, ListVimEventsRequest, ModifyVimRequest
from vimesh.wire.error_statuses import failure_of

_WITHIN_S = 30.0
_QUICK = PoolLimits(period_s=0.05, return_s=0.0, release_after_s=0.2)


@dataclass
class Site:
    """Two conductors over one database, as a fleet has them."""

    store: SqlStore
    clients: tuple[Client, Client]

    async def end_lease(self, monitor_id: str) -> None:
        shift = update(monitors).where(monitors.c.id == monitor_id)
        older = shift.values(lease_until=monitors.c.lease_until - micros(MEMBER_LEASE_S))
        await self.store._database.write(lambda connection: connection.execute(older))


@dataclass
class MonitorWatch:
    """What a monitor knows by its stream."""

    client: Client
    monitor_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    capacity: int = 1
    vantage: str = "default"
    running: dict[str, str] = field(default_factory=dict)
    """The actions by their VIMs."""
    gained: int = 0
    revision: int = 0
    log_id: str = ""
    assignment: str = ""
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def request(self) -> pb.WatchActionsRequest:
        member = pb.PoolMember(
            monitor_id=self.monitor_id, place=action_pb2.PoolPlace(vantage=self.vantage, capacity=self.capacity)
        )
        start = self.revision + 1 if self.revision else 0
        return pb.WatchActionsRequest(
            pool=member, start_revision=start, log_id=self.log_id, assignment=self.assignment if start else ""
        )

    async def follow(self) -> None:
        stream = self.client.conductor.WatchActions(self.request())
        async for response in stream:
            for wanted in response.wanted:
                self.gained += wanted.vim_id not in self.running
                self.running[wanted.vim_id] = wanted.action_id
            for unwanted in response.unwanted:
                if self.running.get(unwanted.vim_id) == unwanted.action_id:
                    del self.running[unwanted.vim_id]
            self.revision = response.revision or self.revision
            self.log_id = response.log_id or self.log_id
            self.assignment = response.assignment or self.assignment
            self.news.set()


class Monitors:
    """Monitors whose streams run beside the test."""

    def __init__(self, tasks: asyncio.TaskGroup) -> None:
        self._tasks = tasks
        self._running: dict[str, asyncio.Task[None]] = {}

    async def start(self, client: Client, capacity: int = 1, vantage: str = "default") -> MonitorWatch:
        watch = MonitorWatch(client, capacity=capacity, vantage=vantage)
        await self.resume(watch)
        return watch

    async def resume(self, watch: MonitorWatch) -> None:
        watch.news.clear()
        self._running[watch.monitor_id] = self._tasks.create_task(watch.follow())
        await until(lambda: watch.revision > 0, watch)

    async def stop(self, watch: MonitorWatch) -> None:
        task = self._running.pop(watch.monitor_id)
        task.cancel()
        await asyncio.wait([task])

    async def stop_all(self) -> None:
        for task in self._running.values():
            task.cancel()
        if self._running:
            await asyncio.wait(self._running.values())


async def until(holds: Callable[[], bool], *watches: MonitorWatch) -> None:
    """Wait until it holds; it is checked again with each message of one of the streams."""
    async with asyncio.timeout(_WITHIN_S):
        while not holds():
            waits = [asyncio.create_task(watch.news.wait()) for watch in watches]
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            for watch, wait in zip(watches, waits, strict=True):
                wait.cancel()
                watch.news.clear()


def are_divided(vims: list[Vim], *watches: MonitorWatch) -> bool:
    """Return whether each VIM has exactly one monitor."""
    return sorted(vim_id for watch in watches for vim_id in watch.running) == sorted(vim.id for vim in vims)


@asynccontextmanager
async def running_site(folder: Path, limits: PoolLimits) -> AsyncGenerator[Site]:
    async with AsyncExitStack() as parts:
        store = await parts.enter_async_context(store_at(sqlite_url(folder / "vimesh.sqlite")))
        settings = ConductorSettings(drain_s=0, grace_s=1, pool=limits)
        first, second = [await parts.enter_async_context(conductor_over(store, settings)) for _ in range(2)]
        yield Site(store, (first, second))


@pytest.fixture
async def site(tmp_path: Path) -> AsyncGenerator[Site]:
    async with running_site(tmp_path, _QUICK) as running:
        yield running


@pytest.fixture
async def pool() -> AsyncGenerator[Monitors]:
    async with asyncio.TaskGroup() as tasks:
        started = Monitors(tasks)
        yield started
        await started.stop_all()


async def registered(client: Client, count: int) -> list[Vim]:
    return await asyncio.gather(*(client.register() for _ in range(count)))


async def test_a_single_monitor_has_all_and_two_share_them(site: Site, pool: Monitors) -> None:
    one, other = site.clients
    vims = await registered(one, 20)
    first = await pool.start(one)
    assert are_divided(vims, first)

    second = await pool.start(other)
    assert 0 < len(second.running) < len(vims)
    # The first one goes on with what it has lost until the second one has had time to begin.
    await until(lambda: are_divided(vims, first, second), first, second)

    vims += await registered(other, 20)
    await until(lambda: are_divided(vims, first, second), first, second)
    moved = (await other.vims.ModifyVim(ModifyVimRequest(vim=Vim(id=vims[0].id, auth_url="http://b/")), timeout=5)).vim
    await one.deregister(vims[1].id)
    del vims[1]
    await until(
        lambda: (
            are_divided(vims, first, second) and (first.running | second.running)[moved.id] == moved.monitor.action_id
        ),
        first,
        second,
    )


async def test_the_others_take_over_from_one_that_died(site: Site, pool: Monitors) -> None:
    one, other = site.clients
    vims = await registered(one, 20)
    first, second = await pool.start(one), await pool.start(other)
    await until(lambda: are_divided(vims, first, second), first, second)
    kept = set(second.running)

    await pool.stop(first)
    await site.end_lease(first.monitor_id)
    await until(lambda: are_divided(vims, second), second)

    assert kept <= set(second.running)
    assert second.gained == len(vims)


async def test_the_last_one_keeps_what_it_has_though_its_lease_ends(site: Site, pool: Monitors) -> None:
    """Nobody could take over: an outage of ours stops no monitor (G10)."""
    one, _ = site.clients
    vims = await registered(one, 5)
    first = await pool.start(one)
    await site.end_lease(first.monitor_id)
    vims += await registered(one, 5)

    await until(lambda: are_divided(vims, first), first)
    assert len((await site.store.pool.view()).members["default"]) == 1


async def test_a_draining_monitor_loses_all_and_gets_them_back(site: Site, pool: Monitors) -> None:
    one, other = site.clients
    vims = await registered(one, 20)
    first, second = await pool.start(one), await pool.start(other, capacity=2)
    await until(lambda: are_divided(vims, first, second), first, second)
    before = dict(first.running)

    request = fleet_service_pb2.DrainMonitorRequest(monitor_id=first.monitor_id)
    drained = (await other.fleet.DrainMonitor(request, timeout=5)).monitor
    # First the other one has them, only then are they taken from this one.
    await until(lambda: are_divided(vims, second), second)
    await until(lambda: not first.running, first)
    listed = (await one.fleet.ListMonitors(fleet_service_pb2.ListMonitorsRequest(), timeout=5)).monitors

    assert (drained.monitor_id, drained.draining, drained.capacity) == (first.monitor_id, True, 1)
    assert {(each.monitor_id, each.draining, each.capacity) for each in listed} == {
        (first.monitor_id, True, 1),
        (second.monitor_id, False, 2),
    }
    request.undo = True
    await one.fleet.DrainMonitor(request, timeout=5)
    await until(lambda: first.running == before and are_divided(vims, first, second), first, second)


async def test_a_monitor_that_ends_in_order_leaves_at_once(site: Site, pool: Monitors) -> None:
    one, other = site.clients
    vims = await registered(one, 10)
    first, second = await pool.start(one), await pool.start(other)
    await until(lambda: are_divided(vims, first, second), first, second)

    await one.fleet.ReportProcess(
        fleet_service_pb2.ReportProcessRequest(
            process_id=first.monitor_id, kind=fleet_service_pb2.FleetProcess.MONITOR, ending=True
        ),
        timeout=5,
    )

    await until(lambda: are_divided(vims, second), second)
    await until(lambda: not first.running, first)


async def test_a_watch_resumes_unless_the_actions_were_divided_anew(site: Site, pool: Monitors) -> None:
    one, other = site.clients
    vims = await registered(one, 10)
    first, second = await pool.start(one), await pool.start(other)
    await until(lambda: are_divided(vims, first, second), first, second)
    await until(lambda: bool(first.assignment) and first.assignment == second.assignment, first, second)

    await pool.stop(first)
    gained = first.gained
    vims += await registered(one, 10)
    await pool.resume(first)
    await until(lambda: are_divided(vims, first, second), first, second)
    # It was sent the changes, and no list.
    assert first.gained - gained < 11

    await pool.stop(first)
    third = await pool.start(one)
    await until(lambda: first.assignment != second.assignment, second)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await first.follow()
    failure = failure_of(refused.value)
    assert (failure.code, failure.reason) == (grpc.StatusCode.OUT_OF_RANGE, "ASSIGNMENT_CHANGED")
    assert third.running


async def test_who_has_more_than_its_own_cannot_resume_though_the_division_is_the_old_one_again(
    tmp_path: Path, pool: Monitors
) -> None:
    """It would keep for ever what it was not told that it has lost."""
    async with running_site(tmp_path, replace(_QUICK, release_after_s=3600)) as site:
        one, other = site.clients
        await registered(one, 10)
        first = await pool.start(one)
        alone = first.assignment
        second = await pool.start(other)
        await until(lambda: first.assignment != alone, first)
        await pool.stop(first)
        await pool.stop(second)
        await site.store.withdraw_process(second.monitor_id, "")

        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await first.follow()

    assert failure_of(refused.value).reason == "ASSIGNMENT_CHANGED"


class ChangingStore(SqlPoolStore):
    """The store of the pool, in which something changes after the keys of actions were read."""

    def __init__(self, database: Database, change: Callable[[], Awaitable[object]]) -> None:
        super().__init__(database)
        self._change = change
        self._turn = asyncio.Lock()
        self.has_changed = False

    async def wanted_after(self, scope: ActionScope, vim_id: str, limit: int) -> Sequence[tuple[str, str]]:
        keys = await super().wanted_after(scope, vim_id, limit)
        async with self._turn:
            if not self.has_changed:
                await self._change()
                self.has_changed = True
        return keys


async def test_an_action_that_another_engine_has_by_now_is_not_sent(site: Site, pool: Monitors) -> None:
    one, other = site.clients
    vims = await registered(one, 20)
    await pool.start(one)

    async def move_all() -> None:
        for vim in vims:
            await one.vims.ModifyVim(ModifyVimRequest(vim=Vim(id=vim.id), engine=Monitor.EXTERNAL), timeout=5)

    site.store.pool = changing = ChangingStore(site.store._database, move_all)
    second = await pool.start(other)

    assert changing.has_changed
    assert second.gained == 0


@pytest.mark.parametrize(
    "request_",
    [
        pb.WatchActionsRequest(pool=pb.PoolMember(monitor_id=str(uuid.uuid4())), shard_count=2),
        pb.WatchActionsRequest(pool=pb.PoolMember(monitor_id=str(uuid.uuid4())), engine=Monitor.MISTRAL),
        pb.WatchActionsRequest(pool=pb.PoolMember(monitor_id="not an id")),
        pb.WatchActionsRequest(
            pool=pb.PoolMember(monitor_id=str(uuid.uuid4()), place=action_pb2.PoolPlace(vantage="the moon"))
        ),
        pb.WatchActionsRequest(
            pool=pb.PoolMember(monitor_id=str(uuid.uuid4()), place=action_pb2.PoolPlace(capacity=1001))
        ),
    ],
)
async def test_what_a_monitor_says_of_itself_keeps_the_rules(site: Site, request_: pb.WatchActionsRequest) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await site.clients[0].conductor.WatchActions(request_, timeout=5).read()

    assert failure_of(refused.value).reason == "BAD_INPUT"


async def test_a_monitor_that_is_not_there_cannot_be_drained(site: Site) -> None:
    request = fleet_service_pb2.DrainMonitorRequest(monitor_id=str(uuid.uuid4()))

    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await site.clients[0].fleet.DrainMonitor(request, timeout=5)

    failure = failure_of(refused.value)
    assert (failure.code, failure.reason) == (grpc.StatusCode.NOT_FOUND, "MONITOR_NOT_FOUND")
    assert failure.metadata == {"monitor_id": request.monitor_id}


async def registered_from(client: Client, *vantages: str) -> Vim:
    return await client.register(probe_policy=ProbePolicy(vantages=vantages))


async def set_vantages(client: Client, vim: Vim, *vantages: str) -> None:
    request = ModifyVimRequest(vim=Vim(id=vim.id, probe_policy=ProbePolicy(vantages=vantages)))
    request.update_mask.paths.append("probe_policy.vantages")
    await client.vims.ModifyVim(request, timeout=5)


async def report(watch: MonitorWatch, vim: Vim, status: Vim.Status.ValueType, observation: int) -> None:
    reason = "TIMEOUT" if status == Vim.UNREACHABLE else ""
    request = pb.UpdateVimRequest(
        vim_id=vim.id, action_id=watch.running[vim.id], status=status, observation=observation, reason=reason
    )
    outcome = await watch.client.conductor.UpdateVim(request, timeout=5)
    assert outcome.status == status


async def test_each_vantage_probes_the_vims_that_name_it(site: Site, pool: Monitors) -> None:
    one, other = site.clients
    plain, only_eu = await registered_from(one), await registered_from(one, "eu")
    both = await registered_from(one, "eu", "us")

    here = await pool.start(one)
    eu = await pool.start(other, vantage="eu")
    us = await pool.start(one, vantage="us")

    assert here.running == {plain.id: plain.monitor.action_id}
    assert eu.running.keys() == {only_eu.id, both.id}
    assert us.running.keys() == {both.id}
    assert eu.running[both.id] != us.running[both.id]
    kept = eu.running[both.id]

    second_eu = await pool.start(one, vantage="eu")
    await until(lambda: len(eu.running) + len(second_eu.running) == 2, eu, second_eu)
    await pool.stop(second_eu)
    await site.end_lease(second_eu.monitor_id)
    await until(lambda: eu.running.keys() == {only_eu.id, both.id}, eu)

    await set_vantages(one, both, "eu", "default")
    await until(lambda: not us.running and both.id in here.running, us, here)
    assert eu.running[both.id] == kept

    late = await registered_from(other, "us", "eu")
    await until(lambda: late.id in us.running and late.id in eu.running, us, eu)
    await one.vims.ModifyVim(ModifyVimRequest(vim=Vim(id=both.id, auth_url="http://b/")), timeout=5)
    await until(lambda: eu.running[both.id] != kept, eu)
    await one.deregister(both.id)
    await until(lambda: both.id not in eu.running and both.id not in here.running, eu, here)


async def test_what_the_vantages_report_is_shown(site: Site, pool: Monitors) -> None:
    client, _ = site.clients
    vim = await registered_from(client, "eu", "us")
    eu, us = await pool.start(client, vantage="eu"), await pool.start(client, vantage="us")
    await report(eu, vim, Vim.REACHABLE, 1)
    await report(us, vim, Vim.UNREACHABLE, 1)

    shown = (await client.vims.GetVim(GetVimRequest(vim_id=vim.id), timeout=5)).vim

    assert (shown.status, shown.reason, shown.monitor.action_id) == (Vim.UNKNOWN, "DISPUTED", "")
    assert [(view.vantage, view.status, view.reason, view.action_id) for view in shown.views] == [
        ("eu", Vim.REACHABLE, "", eu.running[vim.id]),
        ("us", Vim.UNREACHABLE, "TIMEOUT", us.running[vim.id]),
    ]
    assert all(view.HasField("status_time") and view.HasField("valid_until") for view in shown.views)
    events = (await client.vims.ListVimEvents(ListVimEventsRequest(vim_id=vim.id), timeout=5)).events
    assert [(event.kind, event.view.vantage) for event in events] == [
        (VimEvent.STATUS_CHANGED, "us"),
        (VimEvent.STATUS_CHANGED, "eu"),
        (VimEvent.REGISTERED, ""),
    ]
