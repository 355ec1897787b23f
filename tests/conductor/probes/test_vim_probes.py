"""A monitor probes because somebody asks, and nothing is written (ProbeVim, and GetVim with max_age)."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration

from tests.support.callers.commands import Command
from tests.support.callers.open_requests import open_requests
from tests.support.clouds.targets import fake_api
from tests.support.deployments.conductors import Client, client_at, conductor_at
from tests.support.deployments.scripted_monitor import WITHIN_S, reached, refused, scripted_monitor, silent
from tests.support.deployments.secured_conductors import (
    ADMIN,
    MONITOR,
    OPERATOR,
    OTHER_OPERATOR,
    READER,
    REPORTER,
    client_as,
    secured,
)
from tests.support.probers.loopback_rules import LOOPBACK_RULES
from tests.support.sql.stores import sqlite_url, store_at
from tests.support.timing.waiting import eventually
from vimesh.conductor.conductor_process import ConductorSettings, serving
from vimesh.conductor.probes import probe_streams
from vimesh.conductor.probes.vim_probes import ProbeLimits
from vimesh.domain.probing import Reason
from vimesh.monitor.monitor_process import MonitorSettings, run_monitor
from vimesh.v1 import conductor_service_pb2 as pb
from vimesh.v1.fleet_service_pb2 import FleetProcess, ListMonitorsRequest, ReportProcessRequest
from vimesh.v1.vim_pb2 import Monitor, ProbePolicy, ProbeResult, Vim, WatchEnd
from vimesh.v1.vim_service_pb2 import GetVimRequest, GetVimResponse, ProbeVimRequest, RegisterVimRequest
from vimesh.wire.error_statuses import failure_of, retry_delay_s

_RARELY = ProbePolicy(interval=Duration(seconds=3600), timeout=Duration(seconds=1))
"""No round but the first comes within a test: what is seen later is seen because somebody asked."""
_TRIES = 5
"""On a busy machine, an answer that leaves 0.2 s before the deadline may come after it."""


@asynccontextmanager
async def monitor_of(client: Client) -> AsyncGenerator[None]:
    async with asyncio.TaskGroup() as parts:
        running = parts.create_task(run_monitor(MonitorSettings(client.address, rules=LOOPBACK_RULES)))
        yield
        running.cancel()


async def probe(client: Client, vim_id: str, timeout_s: float = WITHIN_S) -> ProbeResult:
    [seen] = (await client.vims.ProbeVim(ProbeVimRequest(vim_id=vim_id), timeout=timeout_s)).probes
    return seen


async def until_asked(client: Client, vim_id: str) -> ProbeResult:
    """Probe until the monitor can be asked."""
    seen = ProbeResult()

    async def is_answered() -> bool:
        nonlocal seen
        try:
            seen = await probe(client, vim_id)
        except grpc.aio.AioRpcError as error:
            if failure_of(error).reason != "NO_MONITOR":
                raise
            return False
        return True

    await eventually(is_answered, WITHIN_S)
    return seen


async def refusal(client: Client, vim_id: str, timeout_s: float = WITHIN_S) -> str:
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await probe(client, vim_id, timeout_s)
    return f"{error.value.code().name} {failure_of(error.value).reason}"


async def no_older_than(client: Client, vim_id: str, max_age_s: int) -> GetVimResponse:
    request = GetVimRequest(vim_id=vim_id, max_age=Duration(seconds=max_age_s))
    return await client.vims.GetVim(request, timeout=WITHIN_S)


async def test_a_probe_made_now_says_what_the_monitor_sees_and_is_written_nowhere(client: Client) -> None:
    async with fake_api() as api, monitor_of(client):
        vim = await client.register(auth_url=api.url, probe_policy=_RARELY)
        up = await until_asked(client, vim.id)
        await client.until(vim.id, lambda now: now.status == Vim.REACHABLE, WITHIN_S)
        await api.refuse()
        await api.hang_up()
        before = await client.get(vim.id)
        down = await probe(client, vim.id)
        [member] = (await client.fleet.ListMonitors(ListMonitorsRequest(), timeout=WITHIN_S)).monitors
        after = await client.get(vim.id)

    assert (up.status, up.reason) == (Vim.REACHABLE, "")
    assert up.HasField("round_trip")
    assert (down.status, down.reason, down.HasField("round_trip")) == (Vim.UNREACHABLE, Reason.REFUSED, False)
    assert down.detail
    assert (down.monitor_id, down.vantage) == (member.monitor_id, "default")
    assert up.time.ToDatetime() < down.time.ToDatetime()
    assert (after.status, after.revision) == (Vim.REACHABLE, before.revision)


async def test_a_vim_whose_newest_contact_is_too_old_is_probed_and_no_other(client: Client) -> None:
    vim = await client.register()
    async with scripted_monitor(client, refused) as monitor:
        never_seen = await no_older_than(client, vim.id, 3600)
        await client.report(vim, Vim.REACHABLE)
        fresh = await no_older_than(client, vim.id, 3600)
        anyway = await no_older_than(client, vim.id, 0)

    assert never_seen.probes[0].reason == anyway.probes[0].reason == "REFUSED"
    assert not fresh.probes
    assert (anyway.vim.status, fresh.vim.status) == (Vim.REACHABLE, Vim.REACHABLE)
    assert len(monitor.requests) == 2


async def test_a_vim_with_several_vantages_is_probed_from_each(client: Client) -> None:
    vim = await client.register(probe_policy=ProbePolicy(vantages=["eu", "us", "asia"]))
    async with (
        scripted_monitor(client, refused, vantage="eu"),
        scripted_monitor(client, reached, vantage="us"),
        scripted_monitor(client, reached) as of_another,
    ):
        answer = await client.vims.ProbeVim(ProbeVimRequest(vim_id=vim.id), timeout=WITHIN_S)

    assert [(one.vantage, one.status, one.reason) for one in answer.probes] == [
        ("asia", Vim.UNKNOWN, "NO_MONITOR"),
        ("eu", Vim.UNREACHABLE, "REFUSED"),
        ("us", Vim.REACHABLE, ""),
    ]
    assert of_another.requests == []


async def test_without_a_monitor_nobody_probes(client: Client) -> None:
    vim = await client.register()

    assert await refusal(client, vim.id) == "UNAVAILABLE NO_MONITOR"


async def test_a_vim_that_no_monitor_probes_cannot_be_probed_now(client: Client) -> None:
    request = RegisterVimRequest(
        vim=Vim(name="external", type="openstack", auth_url="http://127.0.0.1/"), engine=Monitor.EXTERNAL
    )
    vim = (await client.vims.RegisterVim(request, timeout=WITHIN_S)).vim
    async with scripted_monitor(client, reached):
        assert await refusal(client, vim.id) == "FAILED_PRECONDITION PROBED_ELSEWHERE"
        assert await refusal(client, str(uuid.uuid4())) == "NOT_FOUND VIM_NOT_FOUND"


async def test_a_monitor_that_hangs_is_waited_for_as_long_as_the_deadline(client: Client) -> None:
    vim = await client.register(probe_policy=ProbePolicy(interval=Duration(seconds=60), timeout=Duration(seconds=50)))
    async with scripted_monitor(client, silent) as monitor:
        for _ in range(_TRIES):
            refused_because = await refusal(client, vim.id, timeout_s=2.0)
            if not refused_because.startswith("DEADLINE_EXCEEDED"):
                break

    request = monitor.requests[-1]
    timeout_s = request.probe_policy.timeout.ToMilliseconds() / 1000
    # The front repeats what no monitor can be asked for, and not this.
    assert refused_because == "UNAVAILABLE MONITOR_SILENT"
    # The monitor is asked to be done in time, with the three probes that the policy wants.
    assert request.within.ToMilliseconds() < 1800
    assert timeout_s * 1.5 < request.within.ToMilliseconds() / 1000


async def test_a_monitor_answers_only_what_it_was_asked(client: Client) -> None:
    vim = await client.register()
    async with scripted_monitor(client, silent) as one, scripted_monitor(client, silent) as other:
        waiting = asyncio.ensure_future(probe(client, vim.id, timeout_s=10.0))
        asked, _ = await asyncio.wait(
            [asyncio.ensure_future(each.was_asked.wait()) for each in (one, other)],
            return_when=asyncio.FIRST_COMPLETED,
        )
        assert asked
        owner, stranger = (one, other) if one.requests else (other, one)
        [request] = owner.requests
        # The stranger says it first, and was heard when the conductor has ended its stream.
        await stranger.say(*reached(request))
        await stranger.stream.done_writing()
        async with asyncio.timeout(WITHIN_S):
            await stranger.has_ended.wait()
        assert not waiting.done()
        await owner.say(
            *reached(pb.RequestedProbe(probe_id=request.probe_id + 1)), *refused(request), *reached(request)
        )
        seen = await waiting

    assert (seen.status, seen.monitor_id) == (Vim.UNREACHABLE, owner.monitor_id)


async def test_a_project_that_asks_for_too_many_probes_waits_and_others_do_not(tmp_path: Path) -> None:
    settings = ConductorSettings(drain_s=0, grace_s=1, probes=ProbeLimits(burst=2, per_s=0.001))
    async with conductor_at(tmp_path / "vimesh.sqlite", settings) as client, scripted_monitor(client, reached):
        vim = await client.register(project_id="a")
        other = await client.register(project_id="b")
        for _ in range(2):
            assert (await probe(client, vim.id)).status == Vim.REACHABLE
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await probe(client, vim.id)

        assert failure_of(error.value).reason == "PROBE_RATE_EXCEEDED"
        assert error.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert retry_delay_s(error.value) > 1
        assert (await probe(client, other.id)).status == Vim.REACHABLE


async def test_no_more_probes_of_a_project_are_under_way_than_may_be(tmp_path: Path) -> None:
    settings = ConductorSettings(drain_s=0, grace_s=1, probes=ProbeLimits(of_project_at_once=1, at_once=2))
    async with conductor_at(tmp_path / "vimesh.sqlite", settings) as client, scripted_monitor(client) as monitor:
        vim, other = await client.register(project_id="a"), await client.register(project_id="b")
        waiting = asyncio.ensure_future(probe(client, vim.id))
        await monitor.was_asked.wait()

        assert await refusal(client, vim.id) == "RESOURCE_EXHAUSTED OVERLOADED"
        monitor.answers = reached
        assert (await probe(client, other.id)).status == Vim.REACHABLE
        await monitor.say(*reached(monitor.requests[0]))
        await waiting
        assert (await probe(client, vim.id)).status == Vim.REACHABLE


async def test_a_conductor_that_drains_ends_the_streams(tmp_path: Path) -> None:
    async with store_at(sqlite_url(tmp_path / "vimesh.sqlite")) as store, AsyncExitStack() as server:
        ports = await server.enter_async_context(serving(store, ConductorSettings(drain_s=0, grace_s=10)))
        async with client_at(f"127.0.0.1:{ports.main}") as client, scripted_monitor(client) as monitor:
            await server.aclose()
            async with asyncio.timeout(WITHIN_S):
                await monitor.has_ended.wait()

    assert monitor.greetings[0].monitors == 1
    assert monitor.end == WatchEnd.WATCH_END_DRAINING


async def test_whoever_waits_for_a_monitor_that_goes_is_told_at_once(client: Client) -> None:
    vim = await client.register()
    async with scripted_monitor(client, silent) as monitor:
        waiting = asyncio.ensure_future(refusal(client, vim.id, timeout_s=WITHIN_S))
        await monitor.was_asked.wait()
        began_at = asyncio.get_running_loop().time()
        await monitor.stream.done_writing()

        # Another conductor may have another stream of it.
        assert await waiting == "UNAVAILABLE NO_MONITOR"
        assert asyncio.get_running_loop().time() - began_at < 5


async def test_a_conductor_that_drains_lets_the_monitor_answer_what_it_was_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe_streams, "_DRAIN_S", WITHIN_S)
    async with store_at(sqlite_url(tmp_path / "vimesh.sqlite")) as store, AsyncExitStack() as server:
        ports = await server.enter_async_context(serving(store, ConductorSettings(drain_s=0, grace_s=10)))
        async with client_at(f"127.0.0.1:{ports.main}") as client, scripted_monitor(client, silent) as monitor:
            vim = await client.register()
            waiting = asyncio.ensure_future(probe(client, vim.id))
            await monitor.was_asked.wait()
            closing = asyncio.ensure_future(server.aclose())
            # Its streams of actions have ended, so this one is to end, too.
            await read_all(monitor.watch)
            await monitor.say(*reached(monitor.requests[0]))
            assert (await waiting).status == Vim.REACHABLE
            await closing


async def test_a_monitor_that_has_left_the_pool_is_not_asked_any_more(client: Client) -> None:
    async with scripted_monitor(client, reached) as monitor:
        left = ReportProcessRequest(process_id=monitor.monitor_id, kind=FleetProcess.MONITOR, version="1", ending=True)
        await client.fleet.ReportProcess(left, timeout=WITHIN_S)
        async with asyncio.timeout(WITHIN_S):
            await monitor.has_ended.wait()

    assert monitor.end == WatchEnd.WATCH_END_AGED


async def test_a_monitor_has_no_more_streams_than_it_needs(client: Client) -> None:
    async with scripted_monitor(client, reached) as monitor:
        hello = pb.ServeProbesRequest(monitor_id=monitor.monitor_id)
        streams = [client.conductor.ServeProbes(open_requests(hello), timeout=WITHIN_S) for _ in range(2)]
        for stream in streams:
            await stream.read()
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await client.conductor.ServeProbes(open_requests(hello), timeout=WITHIN_S).read()
        for stream in streams:
            stream.cancel()

    assert failure_of(error.value).reason == "OVERLOADED"


async def test_a_monitor_that_answers_what_nobody_asks_is_cut_off(client: Client) -> None:
    async with scripted_monitor(client, reached) as monitor:
        many = [pb.ProbeAnswer(probe_id=number, status=Vim.REACHABLE) for number in range(500)]
        stream = client.conductor.ServeProbes(
            open_requests(
                pb.ServeProbesRequest(monitor_id=monitor.monitor_id), *[pb.ServeProbesRequest(answers=many)] * 3
            )
        )
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await read_all(stream)

    assert failure_of(error.value).reason == "BAD_INPUT"


async def read_all(stream: Any) -> None:  # noqa: ANN401 - a generic class of grpc
    while await stream.read() is not grpc.aio.EOF:
        pass


async def test_a_stream_that_the_monitor_does_not_keep_is_not_asked(client: Client) -> None:
    vim = await client.register()
    async with scripted_monitor(client, reached) as monitor:
        second = client.conductor.ServeProbes()
        await second.write(pb.ServeProbesRequest(monitor_id=monitor.monitor_id))
        greeting: Any = await second.read()
        assert greeting.conductor_id == monitor.greetings[0].conductor_id
        assert (await probe(client, vim.id)).status == Vim.REACHABLE
        second.cancel()
        assert (await probe(client, vim.id)).status == Vim.REACHABLE

    assert len(monitor.requests) == 2


async def test_the_command_line_shows_what_was_seen(client: Client, tmp_path: Path) -> None:
    await client.register(name="lab")

    async def shown(*words: str) -> str:
        ended = await asyncio.to_thread(Command(tmp_path), "vim", *words, "--address", client.address)
        assert ended.code == 0, ended.err
        return ended.out

    async with scripted_monitor(client, refused) as monitor:
        table = await shown("probe", "lab")
        [document] = json.loads(await shown("probe", "lab", "-o", "json"))
        vim = json.loads(await shown("show", "lab", "--max-age", "5s", "-o", "json"))
        rows = await shown("show", "lab", "--max-age", "0s")

    assert {("status", "UNREACHABLE"), ("reason", "REFUSED")} <= {tuple(line.split()) for line in table.splitlines()}
    assert (document["status"], document["monitor_id"]) == ("UNREACHABLE", monitor.monitor_id)
    assert (vim["status"], vim["probes"][0]["reason"]) == ("PENDING", "REFUSED")
    assert ["probes.default.status", "UNREACHABLE"] in [line.split() for line in rows.splitlines()]


async def test_probes_are_for_those_who_see_the_vim_and_made_by_monitors_alone(tmp_path: Path) -> None:
    async with (
        store_at(sqlite_url(tmp_path / "vimesh.sqlite")) as store,
        secured(store, tmp_path) as address,
        client_as(address, OPERATOR) as operator,
        client_as(address, OTHER_OPERATOR) as stranger,
        client_as(address, READER) as reader,
        client_as(address, MONITOR) as monitor,
    ):
        vim = await operator.register(project_id="a")
        member = pb.WatchActionsRequest(pool=pb.PoolMember(monitor_id=str(uuid.uuid4())))
        await monitor.conductor.WatchActions(member).read()
        hello = pb.ServeProbesRequest(monitor_id=member.pool.monitor_id)

        async def serve_as(who: tuple[str, str, str], said: pb.ServeProbesRequest = hello) -> str:
            async with client_as(address, who) as client:
                try:
                    await client.conductor.ServeProbes(open_requests(said), timeout=WITHIN_S).read()
                except grpc.aio.AioRpcError as error:
                    return failure_of(error).reason
            return ""

        assert await refusal(stranger, vim.id) == "NOT_FOUND VIM_NOT_FOUND"
        assert await refusal(reader, vim.id) == await refusal(operator, vim.id) == "UNAVAILABLE NO_MONITOR"
        assert await refusal(monitor, vim.id) == "PERMISSION_DENIED PERMISSION_DENIED"
        assert await serve_as(("spiffe://vimesh/monitor/m2", "reporter", "*")) == "PERMISSION_DENIED"
        assert await serve_as(REPORTER) == await serve_as(ADMIN) == "PERMISSION_DENIED"
        assert await serve_as(MONITOR, pb.ServeProbesRequest()) == "BAD_INPUT"
        unknown = pb.ServeProbesRequest(monitor_id=str(uuid.uuid4()))
        assert await serve_as(MONITOR, unknown) == "MONITOR_NOT_FOUND"
        assert await serve_as(MONITOR) == ""
