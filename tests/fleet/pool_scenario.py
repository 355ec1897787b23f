"""A fleet of three monitors, of which one is killed, comes back and is drained: counted at what they probe (G17).

As a program, `python -m tests.fleet.pool_scenario 3000 10`, it takes the number of VIMs and the interval of probes, and
prints what it measured.
"""

from __future__ import annotations

import asyncio
import ipaddress
import itertools
import json
import signal
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from google.protobuf.duration_pb2 import Duration

from tests.support.callers.recorder import Recorder, recording
from tests.support.deployments.conductors import Client, client_at
from tests.support.deployments.fleets import VIMESH, Fleet, starting_fleet
from tests.support.timing.waiting import eventually
from vimesh.v1 import fleet_service_pb2, vim_pb2, vim_service_pb2

_FIRST = ipaddress.ip_address("127.1.0.0")
_WITHIN_S = 120.0
_BATCH = 500
_ROUNDS = 4


@dataclass
class PoolFigures:
    """What was measured. Times are in seconds, counts are of probes of one VIM."""

    fewest_at_rest: int = 0
    most_at_rest: int = 0
    """While four rounds went by, with three monitors that share the VIMs."""
    rounds_at_rest: float = 0.0
    """That time, in intervals: two if each VIM was probed twice per round."""
    longest_gap_at_rest_s: float = 0.0
    """Between two probes of the same VIM."""
    longest_gap_after_kill_s: float = 0.0
    longest_gap_of_drain_s: float = 0.0
    longest_gap_of_return_s: float = 0.0
    most_in_100_ms_of_return: int = 0
    """Probes of all VIMs."""
    actions: list[int] = field(default_factory=list)
    """Of each monitor at rest."""
    changes: list[str] = field(default_factory=list)
    """Statuses that VIMs changed to since all were reachable."""


class ProbeCounter:
    """Accepts probes by TCP at every address of 127.0.0.0/8, and notes when each came."""

    def __init__(self) -> None:
        self.port = 0
        self.times: defaultdict[str, list[float]] = defaultdict(list)
        self._total = 0
        self._awaited = 0
        self._has_come = asyncio.Event()

    def note(self, transport: asyncio.BaseTransport) -> None:
        self.times[transport.get_extra_info("sockname")[0]].append(time.monotonic())
        transport.close()
        self._total += 1
        if self._total >= self._awaited:
            self._has_come.set()

    async def until_more(self, count: int) -> tuple[float, float]:
        """Wait for so many more probes; return when that began and ended."""
        start = time.monotonic()
        self._awaited = self._total + count
        self._has_come.clear()
        async with asyncio.timeout(_WITHIN_S):
            await self._has_come.wait()
        return start, time.monotonic()

    def counts(self, start: float, end: float) -> list[int]:
        return [sum(start <= at < end for at in times) for times in self.times.values()]

    def longest_gap_s(self, start: float, end: float) -> float:
        """Return the longest time without a probe of a VIM, from the last one before `start` to the end."""
        return max(self._gap_s(times, start, end) for times in self.times.values())

    @staticmethod
    def _gap_s(times: list[float], start: float, end: float) -> float:
        before = max((at for at in times if at < start), default=start)
        seen = [before, *(at for at in times if start <= at < end), end]
        return max(later - at for at, later in itertools.pairwise(seen))

    def most_within(self, start: float, end: float, span_s: float) -> int:
        """Return the most probes of all VIMs within a span."""
        ordered = sorted(at for times in self.times.values() for at in times if start <= at < end)
        first, most = 0, 0
        for last, at in enumerate(ordered):
            while at - ordered[first] > span_s:
                first += 1
            most = max(most, last - first + 1)
        return most


class _Accept(asyncio.Protocol):
    def __init__(self, counter: ProbeCounter) -> None:
        self._counter = counter

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._counter.note(transport)


@asynccontextmanager
async def counting_probes() -> AsyncGenerator[ProbeCounter]:
    counter = ProbeCounter()
    server = await asyncio.get_running_loop().create_server(lambda: _Accept(counter), "0.0.0.0", 0, backlog=4096)
    counter.port = server.sockets[0].getsockname()[1]
    try:
        yield counter
    finally:
        server.close()


@asynccontextmanager
async def plain_monitor(fleet: Fleet, log: Path) -> AsyncGenerator[asyncio.subprocess.Process]:
    """Start a monitor as anyone would."""
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *(str(VIMESH), "monitor", "--address", fleet.address, "--probe-allow", "127.0.0.0/8"),
            stdout=output,
            stderr=output,
        )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def register(client: Client, counter: ProbeCounter, count: int, interval_s: float) -> None:
    policy = vim_pb2.ProbePolicy(method=vim_pb2.ProbePolicy.TCP)
    policy.interval.CopyFrom(Duration(nanos=0, seconds=int(interval_s)))
    requests = [
        vim_service_pb2.RegisterVimRequest(
            vim=vim_pb2.Vim(
                name=str(_FIRST + number),
                type="openstack",
                auth_url=f"http://{_FIRST + number}:{counter.port}/v3",
                probe_policy=policy,
            )
        )
        for number in range(count)
    ]
    for first in range(0, count, _BATCH):
        batch = vim_service_pb2.RegisterVimsRequest(requests=requests[first : first + _BATCH])
        await client.vims.RegisterVims(batch, timeout=_WITHIN_S)


class PoolScenario:
    def __init__(self, client: Client, counter: ProbeCounter, seen: Recorder, count: int, interval_s: float) -> None:
        self._client = client
        self._counter = counter
        self._seen = seen
        self._count = count
        self._interval_s = interval_s
        self.figures = PoolFigures()

    async def monitors(self) -> list[fleet_service_pb2.PoolMonitor]:
        request = fleet_service_pb2.ListMonitorsRequest()
        return list((await self._client.fleet.ListMonitors(request, timeout=_WITHIN_S)).monitors)

    async def until_shared(self, monitors: int) -> list[fleet_service_pb2.PoolMonitor]:
        """Wait until so many monitors run all actions, each one once, and say so."""

        async def are_shared() -> bool:
            listed = await self.monitors()
            active = [each.actions for each in listed if not each.draining]
            rest = [each.actions for each in listed if each.draining]
            return len(active) == monitors and all(active) and sum(active) == self._count and not any(rest)

        await eventually(are_shared, _WITHIN_S)
        return await self.monitors()

    async def run(self, fleet: Fleet, folder: Path) -> None:
        figures, counter = self.figures, self._counter
        await register(self._client, counter, self._count, self._interval_s)
        async with plain_monitor(fleet, folder / "second.log"):
            async with plain_monitor(fleet, folder / "third.log") as third:
                await self._seen.until(
                    lambda: (
                        sum(status == vim_pb2.Vim.REACHABLE for status in self._seen.status.values()) == self._count
                    ),
                    _WITHIN_S,
                )
                self._seen.on_event = lambda event: figures.changes.append(vim_pb2.Vim.Status.Name(event.status))
                figures.actions = [each.actions for each in await self.until_shared(3)]
                start, end = await counter.until_more(_ROUNDS * self._count)
                counts = counter.counts(start, end)
                figures.longest_gap_at_rest_s = counter.longest_gap_s(start, end)
                figures.rounds_at_rest = (end - start) / self._interval_s
                figures.fewest_at_rest, figures.most_at_rest = min(counts), max(counts)

                killed_at = time.monotonic()
                third.send_signal(signal.SIGKILL)
                await third.wait()
                await self.until_shared(2)
                _, end = await counter.until_more(2 * self._count)
                figures.longest_gap_after_kill_s = counter.longest_gap_s(killed_at, end)
            returned_at = time.monotonic()
            async with plain_monitor(fleet, folder / "fourth.log") as fourth:
                await self.until_shared(3)
                _, end = await counter.until_more(2 * self._count)
                figures.longest_gap_of_return_s = counter.longest_gap_s(returned_at, end)
                figures.most_in_100_ms_of_return = counter.most_within(returned_at, end, 0.1)

                drained_at = time.monotonic()
                [monitor] = [each for each in await self.monitors() if each.pid == fourth.pid]
                request = fleet_service_pb2.DrainMonitorRequest(monitor_id=monitor.monitor_id)
                await self._client.fleet.DrainMonitor(request, timeout=_WITHIN_S)
                await self.until_shared(2)
            _, end = await counter.until_more(2 * self._count)
            figures.longest_gap_of_drain_s = counter.longest_gap_s(drained_at, end)


async def run_scenario(folder: Path, count: int, interval_s: float) -> PoolFigures:
    """Run all of it, and return what was measured."""
    flags = ("--probe-allow", "127.0.0.0/8")
    async with (
        counting_probes() as counter,
        starting_fleet(folder, *flags) as fleet,
        client_at(fleet.address) as client,
        recording(client) as seen,
    ):
        scenario = PoolScenario(client, counter, seen, count, interval_s)
        await scenario.run(fleet, folder)
    return scenario.figures


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        figures = asyncio.run(run_scenario(Path(folder), int(sys.argv[1]), float(sys.argv[2])))
    print(json.dumps(asdict(figures), indent=2))


if __name__ == "__main__":
    main()
