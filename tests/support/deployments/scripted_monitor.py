"""Runs monitors that answer probes as a test says, in the pool of a real conductor."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc

from tests.support.deployments.conductors import Client
from vimesh.v1 import conductor_service_pb2 as pb
from vimesh.v1.action_pb2 import PoolPlace
from vimesh.v1.vim_pb2 import Vim, WatchEnd

WITHIN_S = 30.0
Answers = Callable[[pb.RequestedProbe], Sequence[pb.ProbeAnswer]]


def reached(request: pb.RequestedProbe) -> list[pb.ProbeAnswer]:
    return [pb.ProbeAnswer(probe_id=request.probe_id, status=Vim.REACHABLE)]


def refused(request: pb.RequestedProbe) -> list[pb.ProbeAnswer]:
    return [pb.ProbeAnswer(probe_id=request.probe_id, status=Vim.UNREACHABLE, reason="REFUSED")]


def silent(_: pb.RequestedProbe) -> list[pb.ProbeAnswer]:
    return []


@dataclass
class ScriptedMonitor:
    client: Client
    answers: Answers = silent
    """What it answers to each request."""
    monitor_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    requests: list[pb.RequestedProbe] = field(default_factory=list)
    was_asked: asyncio.Event = field(default_factory=asyncio.Event)
    has_ended: asyncio.Event = field(default_factory=asyncio.Event)
    greetings: list[pb.ServeProbesResponse] = field(default_factory=list)
    end: WatchEnd.ValueType = WatchEnd.WATCH_END_UNSPECIFIED
    """Why the conductor has ended the stream."""
    watch: Any = None
    """Of actions."""
    stream: Any = None
    """Of probes, once it is open."""

    async def say(self, *answers: pb.ProbeAnswer) -> None:
        await self.stream.write(pb.ServeProbesRequest(answers=answers))

    async def run(self) -> None:
        while (response := await self.stream.read()) is not grpc.aio.EOF:
            self.end = response.end or self.end
            if response.conductor_id:
                self.greetings.append(response)
            for request in response.probes:
                self.requests.append(request)
                if answers := self.answers(request):
                    await self.say(*answers)
                self.was_asked.set()
        self.has_ended.set()


@asynccontextmanager
async def scripted_monitor(
    client: Client, answers: Answers = silent, *, vantage: str = ""
) -> AsyncGenerator[ScriptedMonitor]:
    """Be in the pool, and serve probes, while the block runs."""
    monitor = ScriptedMonitor(client, answers)
    member = pb.PoolMember(monitor_id=monitor.monitor_id, place=PoolPlace(vantage=vantage) if vantage else None)
    watch = client.conductor.WatchActions(pb.WatchActionsRequest(pool=member))
    assert await watch.read() is not grpc.aio.EOF
    monitor.watch, monitor.stream = watch, client.conductor.ServeProbes()
    await monitor.stream.write(pb.ServeProbesRequest(monitor_id=monitor.monitor_id, ready=True))
    first = await monitor.stream.read()
    assert first.conductor_id
    monitor.greetings.append(first)
    running = asyncio.ensure_future(monitor.run())
    try:
        yield monitor
    finally:
        running.cancel()
        await asyncio.wait([running])
        monitor.stream.cancel()
        watch.cancel()
