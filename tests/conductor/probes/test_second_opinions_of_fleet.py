"""What a real monitor reports when another one of its pool sees the same, something else, or nothing (G15)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack

from google.protobuf.duration_pb2 import Duration

from tests.support.clouds.targets import FakeApi, fake_api
from tests.support.deployments.conductors import Client
from tests.support.deployments.scripted_monitor import WITHIN_S, reached, refused, scripted_monitor, silent
from tests.support.probers.loopback_rules import LOOPBACK_RULES
from tests.support.timing.waiting import eventually
from vimesh.domain.pool.assignment import Assignment, Member
from vimesh.domain.pool.pool_members import MAX_CAPACITY, PoolPlace
from vimesh.domain.probing import Reason
from vimesh.monitor.monitor_process import MonitorSettings, run_monitor
from vimesh.v1 import conductor_service_pb2 as pb
from vimesh.v1 import fleet_service_pb2
from vimesh.v1.vim_pb2 import ProbePolicy, Vim

_POLICY = ProbePolicy(interval=Duration(nanos=500_000_000), timeout=Duration(nanos=400_000_000))


async def test_no_vim_is_called_unreachable_that_another_monitor_reaches(client: Client) -> None:
    async with AsyncExitStack() as scope:
        apis = [await scope.enter_async_context(fake_api()) for _ in range(3)]
        answers: dict[str, Callable[[pb.RequestedProbe], Sequence[pb.ProbeAnswer]]] = {}

        def answer(request: pb.RequestedProbe) -> Sequence[pb.ProbeAnswer]:
            return answers[request.vim_id](request)

        other = await scope.enter_async_context(scripted_monitor(client, answer))
        tasks = await scope.enter_async_context(asyncio.TaskGroup())
        place = PoolPlace(capacity=MAX_CAPACITY)
        monitor = tasks.create_task(run_monitor(MonitorSettings(client.address, place=place, rules=LOOPBACK_RULES)))
        scope.callback(monitor.cancel)
        pool = await _pool_of(client, 2)
        lost, split, unanswered = [await _registered(client, pool, api, but_not=other.monitor_id) for api in apis]
        answers |= {lost.id: refused, split.id: reached, unanswered.id: silent}
        for vim in (lost, split, unanswered):
            await client.until(vim.id, lambda now: now.status == Vim.REACHABLE, WITHIN_S)
        await asyncio.gather(*map(_stop, apis))

        down = await client.until(lost.id, _is_not_reachable, WITHIN_S)
        # On a busy machine the other one may take longer than the second that there is, and is asked again then.
        disputed = await client.until(split.id, lambda now: now.reason == Reason.DISPUTED, WITHIN_S)
        accepted = await client.until(unanswered.id, _is_not_reachable, WITHIN_S)
        answers[split.id] = refused
        agreed = await client.until(split.id, lambda now: now.status == Vim.UNREACHABLE, WITHIN_S)

    assert (down.status, down.reason) == (accepted.status, accepted.reason) == (Vim.UNREACHABLE, Reason.REFUSED)
    assert (disputed.status, disputed.reason) == (Vim.UNKNOWN, Reason.DISPUTED)
    assert disputed.detail.startswith(f"monitor {other.monitor_id} reached it, this one did not (REFUSED")
    assert (agreed.status, agreed.reason) == (Vim.UNREACHABLE, Reason.REFUSED)
    assert {request.vim_id for request in other.requests} == {lost.id, split.id, unanswered.id}


async def _pool_of(client: Client, size: int) -> Assignment:
    """Return how VIMs are divided once so many monitors have joined."""
    monitors: Sequence[fleet_service_pb2.PoolMonitor] = ()

    async def is_whole() -> bool:
        nonlocal monitors
        answer = await client.fleet.ListMonitors(fleet_service_pb2.ListMonitorsRequest(), timeout=WITHIN_S)
        monitors = answer.monitors
        return len(monitors) == size

    await eventually(is_whole, WITHIN_S)
    return Assignment([Member(one.monitor_id, one.capacity) for one in monitors])


async def _registered(client: Client, pool: Assignment, api: FakeApi, *, but_not: str) -> Vim:
    """Register a VIM that another monitor gets, as nearly each does."""
    while True:
        vim = await client.register(auth_url=api.url, probe_policy=_POLICY)
        if pool.owner_of(vim.id) != but_not:
            return vim
        await client.deregister(vim.id)


async def _stop(api: FakeApi) -> None:
    await api.refuse()
    await api.hang_up()


def _is_not_reachable(vim: Vim) -> bool:
    return vim.status != Vim.REACHABLE
