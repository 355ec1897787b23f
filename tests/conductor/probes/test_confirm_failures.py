"""A monitor that cannot reach a VIM has another one look, before it says so (G15)."""

from __future__ import annotations

import asyncio
import uuid
from pathlib import Path

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration

from tests.support.deployments.conductors import Client
from tests.support.deployments.scripted_monitor import (
    WITHIN_S,
    ScriptedMonitor,
    reached,
    refused,
    scripted_monitor,
    silent,
)
from tests.support.deployments.secured_conductors import EXECUTOR, MONITOR, OPERATOR, REPORTER, client_as, secured
from tests.support.sql.stores import sqlite_url, store_at
from vimesh.conductor.probes import confirm_failures
from vimesh.v1 import conductor_service_pb2 as pb
from vimesh.v1.vim_pb2 import ProbePolicy, Vim
from vimesh.wire.error_statuses import failure_of


@pytest.fixture
def opinion_s(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Let opinions take longer than a busy machine stalls, or the seconds that a test wants."""
    monkeypatch.setattr(confirm_failures, "SECOND_OPINION_S", getattr(request, "param", WITHIN_S))


def failed(vim: Vim, milliseconds: int = 200) -> pb.FailedVim:
    patience = Duration(nanos=milliseconds * 1_000_000)
    return pb.FailedVim(vim_id=vim.id, action_id=vim.monitor.action_id, patience=patience)


async def sent(client: Client, request: pb.ConfirmFailuresRequest) -> list[pb.SecondOpinion]:
    """Return all opinions, in the order in which they came."""
    responses = client.conductor.ConfirmFailures(request, timeout=WITHIN_S)
    return [opinion async for response in responses for opinion in response.opinions]


async def opinions(asking: ScriptedMonitor, *vims: pb.FailedVim) -> list[pb.SecondOpinion]:
    """Return what is said of each VIM, in their order; an empty opinion where nothing is."""
    request = pb.ConfirmFailuresRequest(monitor_id=asking.monitor_id, vims=vims)
    by_position = {opinion.position: opinion for opinion in await sent(asking.client, request)}
    return [by_position.get(position, pb.SecondOpinion()) for position in range(len(vims))]


@pytest.mark.usefixtures("opinion_s")
async def test_another_monitor_is_asked_with_the_patience_that_is_wanted(client: Client) -> None:
    down, up = await client.register(auth_url="http://127.0.0.1:1/"), await client.register()

    def told(request: pb.RequestedProbe) -> list[pb.ProbeAnswer]:
        return refused(request) if request.auth_url == down.auth_url else reached(request)

    async with scripted_monitor(client, silent) as asking, scripted_monitor(client, told) as other:
        first, second = await opinions(asking, failed(down), failed(up))

    assert (first.status, first.reason, first.monitor_id) == (Vim.UNREACHABLE, "REFUSED", other.monitor_id)
    assert (second.status, second.monitor_id) == (Vim.REACHABLE, other.monitor_id)
    assert asking.requests == []
    assert {request.vim_id for request in other.requests} == {down.id, up.id}
    assert {request.probe_policy.timeout.ToMilliseconds() for request in other.requests} == {200}


@pytest.mark.usefixtures("opinion_s")
async def test_vims_with_one_endpoint_are_probed_once(client: Client) -> None:
    vims = [await client.register(auth_url="http://127.0.0.1:1/") for _ in range(3)]
    async with scripted_monitor(client) as asking, scripted_monitor(client, refused) as other:
        answers = await opinions(asking, *map(failed, vims))

    assert [answer.status for answer in answers] == [Vim.UNREACHABLE] * 3
    assert len(other.requests) == 1


@pytest.mark.usefixtures("opinion_s")
async def test_of_many_vims_of_one_host_some_are_probed_for_all(client: Client) -> None:
    policy = ProbePolicy(method=ProbePolicy.TCP)
    vims = [await client.register(auth_url=f"http://127.0.0.1:{port}/", probe_policy=policy) for port in range(1, 61)]
    async with scripted_monitor(client) as asking, scripted_monitor(client, refused) as other:
        answers = await opinions(asking, *map(failed, vims))

    assert [(answer.status, answer.monitor_id) for answer in answers] == [(Vim.UNREACHABLE, other.monitor_id)] * 60
    assert sum(answer.of_host for answer in answers) == 20
    assert len(other.requests) == 40


@pytest.mark.usefixtures("opinion_s")
async def test_all_others_share_the_work(client: Client) -> None:
    vims = [await client.register(auth_url=f"http://127.0.0.{number}/") for number in range(1, 7)]
    async with (
        scripted_monitor(client) as asking,
        scripted_monitor(client, refused) as one,
        scripted_monitor(client, refused) as two,
    ):
        answers = await opinions(asking, *map(failed, vims))

    assert [answer.status for answer in answers] == [Vim.UNREACHABLE] * 6
    assert len(one.requests) == len(two.requests) == 3


async def test_who_does_not_answer_or_cannot_tell_has_no_opinion(client: Client) -> None:
    vim = await client.register()

    def unknown(request: pb.RequestedProbe) -> list[pb.ProbeAnswer]:
        return [pb.ProbeAnswer(probe_id=request.probe_id, status=Vim.UNKNOWN, reason="LOCAL_NO_ROUTE")]

    async with scripted_monitor(client) as asking, scripted_monitor(client, unknown) as other:
        [cannot_tell] = await opinions(asking, failed(vim))
        other.answers = silent
        began_at = asyncio.get_running_loop().time()
        [hangs] = await opinions(asking, failed(vim))
        took_s = asyncio.get_running_loop().time() - began_at

    assert cannot_tell == hangs == pb.SecondOpinion()
    assert took_s >= 0.8  # it was waited for
    assert all(request.within.ToMilliseconds() < 1000 for request in other.requests)


@pytest.mark.parametrize("opinion_s", [3.0], indirect=True)
@pytest.mark.usefixtures("opinion_s")
async def test_one_that_hangs_is_not_asked_again_until_it_says_something(client: Client) -> None:
    vims = [await client.register(auth_url=f"http://127.0.0.{number}/") for number in range(1, 5)]
    async with (
        scripted_monitor(client) as asking,
        scripted_monitor(client, refused),
        scripted_monitor(client, silent) as hanging,
    ):
        first = await opinions(asking, *map(failed, vims))
        asked = list(hanging.requests)
        second = await opinions(asking, *map(failed, vims))
        assert hanging.requests == asked

        await hanging.say(*refused(asked[0]))
        # It serves its stream again when the conductor has read that.
        while hanging.requests == asked:
            await opinions(asking, *map(failed, vims))

    assert [answer.status for answer in first].count(Vim.STATUS_UNSPECIFIED) == len(asked) == 2
    assert [answer.status for answer in second] == [Vim.UNREACHABLE] * 4


@pytest.mark.usefixtures("opinion_s")
async def test_what_one_says_does_not_wait_for_one_that_hangs(client: Client) -> None:
    vims = [await client.register(auth_url=f"http://127.0.0.{number}/") for number in range(1, 5)]
    async with (
        scripted_monitor(client) as asking,
        scripted_monitor(client, refused) as other,
        scripted_monitor(client, silent) as hanging,
    ):
        request = pb.ConfirmFailuresRequest(monitor_id=asking.monitor_id, vims=map(failed, vims))
        responses = asking.client.conductor.ConfirmFailures(request, timeout=WITHIN_S)
        said: dict[int, pb.SecondOpinion] = {}
        while len(said) < 2:
            response = await responses.read()
            assert isinstance(response, pb.ConfirmFailuresResponse), "the stream ended without them"
            said |= {opinion.position: opinion for opinion in response.opinions}
        # The call is still open: the other one has been asked, and may answer yet.
        await hanging.was_asked.wait()
        late = hanging.requests[0]
        await hanging.say(*reached(late))
        response = await responses.read()

    assert {opinion.monitor_id for opinion in said.values()} == {other.monitor_id}
    assert isinstance(response, pb.ConfirmFailuresResponse)
    [last] = response.opinions
    assert (last.status, vims[last.position].id) == (Vim.REACHABLE, late.vim_id)


async def test_nobody_is_asked_about_an_action_that_is_not_wanted_or_a_vim_that_is_gone(client: Client) -> None:
    vim = await client.register()
    former = pb.FailedVim(vim_id=vim.id, action_id=str(uuid.uuid4()))
    gone = pb.FailedVim(vim_id=str(uuid.uuid4()), action_id=vim.monitor.action_id)
    async with scripted_monitor(client) as asking, scripted_monitor(client, reached) as other:
        assert await opinions(asking, former, gone) == [pb.SecondOpinion(), pb.SecondOpinion(position=1)]

    assert other.requests == []


async def test_a_monitor_alone_is_told_so_at_once_and_one_that_is_not_there_is_refused(client: Client) -> None:
    vim = await client.register()
    async with scripted_monitor(client) as asking:
        alone = await opinions(asking, failed(vim))
        request = pb.ConfirmFailuresRequest(monitor_id=str(uuid.uuid4()), vims=[failed(vim)])
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await sent(client, request)

    assert alone == [pb.SecondOpinion()]
    assert failure_of(error.value).reason == "MONITOR_NOT_FOUND"


async def test_another_conductor_may_have_the_others(client: Client) -> None:
    vim = await client.register()
    member = pb.WatchActionsRequest(pool=pb.PoolMember(monitor_id=str(uuid.uuid4())))
    async with scripted_monitor(client) as asking:
        # It is in the pool, and has its stream of probes elsewhere.
        watch = client.conductor.WatchActions(member)
        await watch.read()
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await opinions(asking, failed(vim))
        watch.cancel()

    assert (error.value.code(), failure_of(error.value).reason) == (grpc.StatusCode.UNAVAILABLE, "NO_MONITOR")


async def test_nobody_asks_in_the_name_of_another_monitor(tmp_path: Path) -> None:
    member = pb.WatchActionsRequest(pool=pb.PoolMember(monitor_id=str(uuid.uuid4())))
    vim = pb.FailedVim(vim_id=str(uuid.uuid4()), action_id="action")
    request = pb.ConfirmFailuresRequest(monitor_id=member.pool.monitor_id, vims=[vim])
    async with (
        store_at(sqlite_url(tmp_path / "vimesh.sqlite")) as store,
        secured(store, tmp_path) as address,
        client_as(address, MONITOR) as monitor,
        client_as(address, ("spiffe://vimesh/monitor/m2", "reporter", "*")) as stranger,
    ):
        await monitor.conductor.WatchActions(member).read()
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await sent(stranger, request)
        own = await sent(monitor, request)

    assert failure_of(error.value).reason == "PERMISSION_DENIED"
    assert own == []


@pytest.mark.parametrize("who", [OPERATOR, REPORTER, EXECUTOR])
async def test_only_monitors_ask(who: tuple[str, str, str], tmp_path: Path) -> None:
    vim = pb.FailedVim(vim_id=str(uuid.uuid4()), action_id="action")
    request = pb.ConfirmFailuresRequest(monitor_id=str(uuid.uuid4()), vims=[vim])
    async with (
        store_at(sqlite_url(tmp_path / "vimesh.sqlite")) as store,
        secured(store, tmp_path) as address,
        client_as(address, who) as client,
    ):
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await sent(client, request)

    assert failure_of(error.value).reason == "PERMISSION_DENIED"
