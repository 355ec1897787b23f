"""The main job, end to end: register, probe, report through Envoy, watch, fence; with everything really running."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path

import grpc
import pytest
import pytest_asyncio
from google.protobuf.duration_pb2 import Duration

from tests.support.callers.recorder import recording
from tests.support.clouds.targets import fake_api
from tests.support.deployments.conductors import Client, client_at, report_on
from tests.support.deployments.fleets import Fleet, starting_fleet
from tests.support.timing.waiting import once_available, until
from vimesh.v1 import vim_pb2
from vimesh.v1 import vim_service_pb2 as pb

pytestmark = [pytest.mark.fleet, pytest.mark.timeout(120), pytest.mark.asyncio(loop_scope="module")]

Vim = vim_pb2.Vim
FAST = vim_pb2.ProbePolicy(interval=Duration(nanos=500_000_000), timeout=Duration(nanos=200_000_000))
SELDOM = vim_pb2.ProbePolicy(interval=Duration(seconds=300))
_ALL = pb.ListVimsRequest(page_size=1000)
_AT_ONCE_S = 60
"""What is done at once takes some seconds on a busy machine; the next probe comes much later."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def fleet(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Fleet]:
    """Give one fleet to the tests, each of which finds it whole and without VIMs."""
    async with starting_fleet(tmp_path_factory.mktemp("walking")) as fleet:
        yield fleet


@pytest_asyncio.fixture(loop_scope="module")
async def client(fleet: Fleet) -> AsyncGenerator[Client]:
    async with client_at(fleet.address) as client:
        yield client
        for vim in (await client.vims.ListVims(_ALL, timeout=30)).vims:
            await client.deregister(vim.id)


async def test_a_vim_is_followed_as_its_endpoint_comes_and_goes(client: Client) -> None:
    async with recording(client) as seen, fake_api() as endpoint:
        vim = await client.register(auth_url=endpoint.url)
        await seen.until(lambda: seen.status.get(vim.id) == Vim.REACHABLE, 30)

        await endpoint.refuse()
        await seen.until(lambda: seen.status[vim.id] == Vim.UNREACHABLE, 30)
        assert (await client.get(vim.id)).reason == "REFUSED"

        await endpoint.listen()
        await seen.until(lambda: seen.status[vim.id] == Vim.REACHABLE, 30)

        assert seen.history(vim.id) == ["PENDING", "REACHABLE", "UNREACHABLE", "REACHABLE"]
        seen.check_order()


async def test_a_vim_is_probed_as_soon_as_it_is_registered(client: Client) -> None:
    async with recording(client) as seen, fake_api() as endpoint:
        vim = await client.register(auth_url=endpoint.url, probe_policy=SELDOM)
        await seen.until(lambda: seen.status.get(vim.id) == Vim.REACHABLE, _AT_ONCE_S)


async def test_only_the_wanted_action_is_heard_through_the_front(client: Client) -> None:
    # Nothing answers on port 1: the embedded action says UNREACHABLE, and never what is reported here.
    vim = await client.register(auth_url="http://127.0.0.1:1/")
    assert (await client.report(vim, Vim.REACHABLE, reason="BY_HAND")).status == Vim.REACHABLE
    assert (await client.get(vim.id)).reason == "BY_HAND"

    stale = await client.report(vim, Vim.REACHABLE, action_id="another")
    assert stale.WhichOneof("outcome") == "bad_action"

    await client.deregister(vim.id)
    gone = await client.report(vim, Vim.REACHABLE)
    assert gone.WhichOneof("outcome") == "bad_action"


async def test_a_new_auth_url_moves_the_probes_and_fences_the_old_action(client: Client) -> None:
    async with recording(client) as seen, fake_api() as old, fake_api() as new:
        vim = await client.register(auth_url=old.url, probe_policy=FAST)
        await seen.until(lambda: seen.status.get(vim.id) == Vim.REACHABLE, 10)

        request = pb.ModifyVimRequest(vim=Vim(id=vim.id, auth_url=new.url))
        moved = (await client.vims.ModifyVim(request, timeout=30)).vim
        assert moved.monitor.action_id != vim.monitor.action_id
        await seen.until(lambda: seen.status[vim.id] == Vim.REACHABLE, 10)
        # What the old action had sent before it was stopped may be read only now.
        await until(lambda: len(new.requests) >= 2, 20)
        asked_before, rounds = len(old.requests), len(new.requests) + 3
        await until(lambda: len(new.requests) >= rounds, 20)

        assert len(old.requests) == asked_before
        stale = await client.conductor.UpdateVim(report_on(vim, Vim.UNREACHABLE, 1 << 40), timeout=30)
        assert stale.WhichOneof("outcome") == "bad_action"
        after = [event for event in seen.events if event.vim_id == vim.id and event.revision > moved.revision]
        assert {event.action_id for event in after} == {moved.monitor.action_id}


@pytest.mark.parametrize("victim", [("vimesh", "conductor"), ("vimesh", "monitor"), ("envoy",)], ids=lambda w: w[-1])
async def test_a_part_that_is_killed_under_load_is_restarted_and_nothing_is_lost(
    fleet: Fleet, client: Client, victim: tuple[str, ...]
) -> None:
    async with recording(client) as seen, fake_api() as endpoint:
        probed = [await client.register(auth_url=endpoint.url, probe_policy=FAST) for _ in range(50)]
        # Reports of other actions go on all the time: 32 callers, each with a VIM of its own that nobody else reports.
        reported = [await client.register(auth_url="http://127.0.0.1:1/") for _ in range(32)]
        await seen.until(lambda: all(seen.status.get(vim.id) == Vim.REACHABLE for vim in probed), 20)
        load = asyncio.gather(*(_report_on_and_on(client, vim) for vim in reported))

        before = len(fleet.pids(*victim))
        killed = fleet.kill(*victim)
        await endpoint.refuse()
        await seen.until(lambda: all(seen.status[vim.id] == Vim.UNREACHABLE for vim in probed), 30)
        await endpoint.listen()
        await seen.until(lambda: all(seen.status[vim.id] == Vim.REACHABLE for vim in probed), 30)

        load.cancel()
        await asyncio.gather(load, return_exceptions=True)
        await until(lambda: killed not in fleet.pids(*victim) and len(fleet.pids(*victim)) == before, 20)
        listed = await client.vims.ListVims(_ALL, timeout=30)
        assert {vim.id for vim in listed.vims} == {vim.id for vim in probed + reported}
        newest = max(vim.revision for vim in listed.vims)
        await seen.until(lambda: seen.events[-1].revision >= newest, 10)
        seen.check_order()


async def test_without_a_database_the_front_says_unavailable_and_comes_back(tmp_path: Path) -> None:
    async with starting_fleet(tmp_path) as fleet, client_at(fleet.address) as client:
        vim = await client.register()
        (tmp_path / "data").rename(tmp_path / "away")

        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await client.report(vim, Vim.REACHABLE)
        assert failed.value.code() is grpc.StatusCode.UNAVAILABLE

        (tmp_path / "away").rename(tmp_path / "data")
        answer = await once_available(lambda: client.report(vim, Vim.REACHABLE), 20)
        assert answer.status == Vim.REACHABLE


async def _report_on_and_on(client: Client, vim: vim_pb2.Vim) -> None:
    # Far above what the embedded action counts: its reports on these VIMs are late, and change nothing.
    observation = 1 << 40
    while True:
        observation += 1
        try:
            await client.report(vim, Vim.REACHABLE if observation % 2 else Vim.UNREACHABLE, observation)
        except grpc.aio.AioRpcError as error:
            assert error.code() is grpc.StatusCode.UNAVAILABLE  # noqa: PT017 - Envoy itself may be the victim
            await asyncio.sleep(0.05)
