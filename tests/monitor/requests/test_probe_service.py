"""A monitor makes the probes that conductors ask for, by a stream with each of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration

from tests.support.clouds.targets import Behaviour, FakeApi
from tests.support.probers.verdicts import Verdicts
from vimesh.domain.probes.asked_probes import AskedProbe
from vimesh.domain.probing import Method, ProbePolicy, Reason
from vimesh.domain.vims import Status
from vimesh.monitor.host.action_host import ActionHost
from vimesh.monitor.requests.probe_service import ProbeService, ProbeServiceLimits
from vimesh.monitor.targets.verdict import Verdict
from vimesh.rpc.channels import channel
from vimesh.v1 import conductor_service_pb2 as pb
from vimesh.v1 import vim_pb2
from vimesh.v1.conductor_service_pb2_grpc import (
    ConductorServiceServicer,
    ConductorServiceStub,
    add_ConductorServiceServicer_to_server,
)

_WITHIN_S = 20.0
_POLICY = ProbePolicy(Method.TCP, interval_s=60.0, timeout_s=5.0, fall=2)


@dataclass
class Front(ConductorServiceServicer):
    """Gives each stream to the next of several conductors, as a balancing front does."""

    turns: list[str]
    requests: list[pb.RequestedProbe] = field(default_factory=list)
    """What each conductor asks for first."""
    hellos: list[str] = field(default_factory=list)
    answers: list[tuple[str, pb.ProbeAnswer]] = field(default_factory=list)
    ready: list[str] = field(default_factory=list)
    """The conductors whose streams the monitor keeps."""
    open: list[str] = field(default_factory=list)
    ends: dict[str, asyncio.Event] = field(default_factory=dict)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    async def ServeProbes(  # noqa: N802 - the name of the RPC
        self,
        request_iterator: AsyncIterator[pb.ServeProbesRequest],
        context: Any,  # noqa: ANN401, ARG002 - gRPC passes it
    ) -> AsyncIterator[pb.ServeProbesResponse]:
        conductor = self.turns.pop(0) if len(self.turns) > 1 else self.turns[0]
        self.hellos.append((await anext(aiter(request_iterator))).monitor_id)
        yield pb.ServeProbesResponse(conductor_id=conductor, conductors=2, monitors=3)
        self.open.append(conductor)
        self.ends[conductor] = asyncio.Event()
        self.news.set()
        try:
            if self.requests:
                yield pb.ServeProbesResponse(probes=self.requests)
            async for request in request_iterator:
                self.ready += [conductor] * request.ready
                self.answers += [(conductor, answer) for answer in request.answers]
                self.news.set()
                if not self.requests:
                    break
            await self.ends[conductor].wait()
        finally:
            self.open.remove(conductor)
            self.news.set()

    async def until(self, holds: Any) -> None:  # noqa: ANN401 - a function that says whether
        async with asyncio.timeout(_WITHIN_S):
            while not holds():
                self.news.clear()
                await self.news.wait()


@asynccontextmanager
async def serving(front: Front, host: ActionHost) -> AsyncGenerator[ProbeService]:
    server = grpc.aio.server()
    add_ConductorServiceServicer_to_server(front, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with channel(f"127.0.0.1:{port}") as opened:
        limits = ProbeServiceLimits(first_pause_s=0.01, longest_pause_s=0.05)
        stub: Any = ConductorServiceStub(opened)
        service = ProbeService(stub, "monitor", host.requested_rounds, limits=limits, random=Random(1))
        running = asyncio.ensure_future(service.run())
        try:
            yield service
        finally:
            running.cancel()
            await asyncio.wait([running])
            await server.stop(0)


async def test_a_monitor_has_one_stream_with_each_conductor(host: ActionHost) -> None:
    front = Front(["a", "a", "a", "b"])  # type: ignore[abstract]  # the other calls are not made
    async with serving(front, host) as service:
        await front.until(lambda: sorted(front.open) == ["a", "b"])

        await front.until(lambda: sorted(front.ready) == ["a", "b"])
        assert (service.conductors, service.monitors) == (2, 3)
        assert set(front.hellos) == {"monitor"}


async def test_a_conductor_that_is_lost_is_replaced(host: ActionHost) -> None:
    front = Front(["a", "b", "b", "c"])  # type: ignore[abstract]  # the other calls are not made
    async with serving(front, host):
        await front.until(lambda: sorted(front.open) == ["a", "b"])
        front.ends["a"].set()
        await front.until(lambda: sorted(front.open) == ["b", "c"])


async def test_what_was_seen_goes_back_to_the_conductor_that_asked(
    host: ActionHost, verdicts: Verdicts, api: FakeApi
) -> None:
    policy = vim_pb2.ProbePolicy(method=vim_pb2.ProbePolicy.TCP, timeout=Duration(seconds=5))
    asked = pb.RequestedProbe(
        probe_id=7, vim_id="vim", auth_url=api.url, probe_policy=policy, within=Duration(seconds=10)
    )
    front = Front(["a", "b"], requests=[asked])  # type: ignore[abstract]  # the other calls are not made
    async with serving(front, host):
        await front.until(lambda: len(front.answers) == 2)

    assert sorted(conductor for conductor, _ in front.answers) == ["a", "b"]
    assert {(answer.probe_id, answer.status) for _, answer in front.answers} == {(7, vim_pb2.Vim.REACHABLE)}
    # No ping action has seen it.
    assert (verdicts.all, len(host), len(host.requested_rounds)) == ([], 0, 0)


async def seen(host: ActionHost, url: str, within_s: float, policy: ProbePolicy = _POLICY) -> Verdict:
    told: asyncio.Future[Verdict] = asyncio.get_running_loop().create_future()
    host.requested_rounds.start(AskedProbe("vim", url, policy), within_s, told.set_result)
    async with asyncio.timeout(_WITHIN_S):
        return await told


async def test_a_requested_round_is_judged_by_its_policy(host: ActionHost, api: FakeApi) -> None:
    up = await seen(host, api.url, 10.0)
    await api.refuse()
    down = await seen(host, api.url, 10.0)

    assert (up.status, down.status, down.reason) == (Status.REACHABLE, Status.UNREACHABLE, Reason.REFUSED)
    assert up.round_trip_s is not None


async def test_a_round_that_takes_too_long_ends_without_a_verdict(host: ActionHost, api: FakeApi) -> None:
    api.behaviour = Behaviour.HANG
    slow = await seen(host, api.url, 0.2, ProbePolicy(Method.HTTP, interval_s=60.0, timeout_s=30.0))
    api.release.set()

    assert (slow.status, slow.reason) == (Status.UNKNOWN, Reason.LOCAL_STUCK)
    # Nothing is left of it.
    await asyncio.sleep(0)
    assert (len(host.requested_rounds), host._rounds.open_rounds) == (0, 0)


async def test_rounds_that_are_asked_for_take_no_turns_of_those_that_are_watched(
    host: ActionHost, api: FakeApi
) -> None:
    url = "http://127.0.0.1:{}/"
    seen_each = await asyncio.gather(*(seen(host, url.format(port), 10.0) for port in range(1, 201)))

    # An address has fifty, and fifty more in each second that passes.
    refused = [verdict for verdict in seen_each if verdict.reason == Reason.LOCAL_RESOURCES]
    assert 0 < len(refused) <= 150
    assert len(host._rounds._address_budget) == 0
    assert (await seen(host, api.url.replace("127.0.0.1", "127.0.0.2"), 10.0)).status is Status.UNREACHABLE


@pytest.mark.parametrize("url", ["no url", "http://:80/"])
async def test_a_url_that_cannot_be_probed_gets_no_verdict(host: ActionHost, url: str) -> None:
    assert (await seen(host, url, 10.0)).reason == Reason.LOCAL_DEFECT
