"""Measures a host in steady state: its costs at its pace, and whether every probe was answered."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.harness.failure import NotMeasured
from benchmarks.harness.rounds import Sample
from benchmarks.probes.hosts import HostUnderTest, host_in
from benchmarks.probes.kernel_counts import connections_at, echoes_at
from benchmarks.probes.targets import Targets
from tests.support.networks.namespaces import Namespace

START_S = 90.0
SETTLE_S = 0.4
"""After a pause: the first wake-ups are not counted."""
_FASTEST = 1.03
_SLOWEST = 0.4
"""The host's clock stops while its loop is blocked: on a machine with other users, it probes a little less."""
_STAND_ROUNDS, _STAND_INTERVALS = 25, 1.2
"""Longer than an interval, so that a connection made in each round is noticed. In all, less than the shortest life."""
_LOOKS = 200
_LOOK_EVERY_S = 0.001

Answered = Callable[[], Awaitable[int]]
"""Counts probes that were answered since the start. Raises NotMeasured if one was not."""


@dataclass(frozen=True, slots=True)
class Steady:
    """A host whose VIMs are all reachable."""

    host: HostUnderTest
    targets: Targets
    base_rss_bytes: int
    """Memory before it had VIMs."""
    answered: Answered

    async def turn(self, window_s: float) -> Sample:
        """Measure it; it is frozen before and afterwards."""
        self.host.thaw()
        try:
            await asyncio.sleep(SETTLE_S)
            return await self.window(window_s)
        finally:
            self.host.freeze()

    async def stand(self) -> None:
        """Wait until all connections are open that are kept between probes. Raises NotMeasured."""
        # Before it keeps one, the host tries whether the server has workers to spare: at a few servers at a time.
        made = -1
        for _ in range(_STAND_ROUNDS):
            before, made = made, connections_at(self.host.pid)
            if made == before:
                return
            await asyncio.sleep(_STAND_INTERVALS * self.targets.interval_s)
        raise NotMeasured(f"after {made} connections, more are still made")

    async def window(self, window_s: float) -> Sample:
        """Measure it; raises NotMeasured if a probe was not answered, or the pace was not kept."""
        if self.targets.history:
            # What came before the window does not count.
            await self.host.end_minute()
        connections, probes = connections_at(self.host.pid), await self.answered()
        spent, begun = await self.host.spent(), time.perf_counter()
        await asyncio.sleep(window_s)
        if self.targets.history:
            await self.host.end_minute()
        probes, now = await self.answered() - probes, await self.host.spent()
        connections, took_s = connections_at(self.host.pid) - connections, time.perf_counter() - begun
        if changes := await self.host.changes():
            raise NotMeasured(f"{len(changes)} verdicts on healthy VIMs, such as {changes[0]}")
        per_s = probes / took_s
        # A higher rate would mean that answers were not read, a far lower one that it cannot keep its pace. Phases are
        # hashes: the number of VIMs in a window scatters as the square root does.
        scatter = 4 / math.sqrt(self.targets.rate * window_s)
        if not _SLOWEST - scatter < per_s / self.targets.rate < _FASTEST + scatter:
            raise NotMeasured(f"{per_s:.0f} probes/s where {self.targets.rate:.0f} are due")
        cpu_s = now.cpu_s - spent.cpu_s
        return {
            "cpu_us": cpu_s / probes * 1e6,
            "kernel_us": (now.kernel_s - spent.kernel_s) / probes * 1e6,
            "probes_per_s": per_s,
            "core": cpu_s / took_s,
            "rss_mb": now.rss_bytes / 1e6,
            "bytes_per_vim": (now.rss_bytes - self.base_rss_bytes) / self.targets.count,
            "connections_per_probe": connections / probes,
        }


def echoes_answered(pid: int) -> Answered:
    """Count the pings in the namespace of a process, for one in which every ping is answered."""

    async def answered() -> int:
        # Over loopback the reply arrives in the call that sends the request, or very soon after: again and again,
        # there is a moment at which all are answered.
        for _ in range(_LOOKS):
            echoes = echoes_at(pid)
            if echoes.dropped:
                break
            if echoes.requests == echoes.replies:
                return echoes.requests
            await asyncio.sleep(_LOOK_EVERY_S)
        raise NotMeasured(f"pings without an answer: {echoes}")

    return answered


@asynccontextmanager
async def steady_host(
    machine: Namespace, folder: Path, name: str, targets: Targets, answered: Answered
) -> AsyncGenerator[Steady]:
    """Run one host until all its VIMs are reachable, and beyond."""
    async with host_in(machine, folder, name) as host:
        base = (await host.spent()).rss_bytes
        await host.start(targets)
        await host.all_reachable(targets, START_S)
        yield Steady(host, targets, base, answered)


@asynccontextmanager
async def pinging_hosts(machine: Namespace, folder: Path, fleets: Sequence[Targets]) -> AsyncGenerator[list[Steady]]:
    """Run one host for each fleet. They start at the same time, and are frozen when all VIMs are reachable."""
    async with AsyncExitStack() as scope:
        hosts = [
            await scope.enter_async_context(host_in(machine, folder, f"host-{number}", history=targets.history))
            for number, targets in enumerate(fleets)
        ]
        bases = [(await host.spent()).rss_bytes for host in hosts]
        for host, targets in zip(hosts, fleets, strict=True):
            await host.start(targets)
        for host, targets in zip(hosts, fleets, strict=True):
            await host.all_reachable(targets, START_S)
        for host in hosts:
            host.freeze()
        answered = echoes_answered(hosts[0].pid)
        yield [Steady(*each, answered) for each in zip(hosts, fleets, bases, strict=True)]
