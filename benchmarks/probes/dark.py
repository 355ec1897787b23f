"""Lets a tenth of 100,000 VIMs go dark at once, and measures the verdicts, their delays and their cost."""

from __future__ import annotations

import asyncio
import statistics
import time
from dataclasses import replace
from pathlib import Path

from benchmarks.harness.benchmark import Benchmark, Run
from benchmarks.harness.failure import NotMeasured
from benchmarks.harness.namespace import machine
from benchmarks.harness.result import Figure, Measured
from benchmarks.harness.rounds import Sample
from benchmarks.probes.hosts import Change, HostUnderTest, Spent, host_in
from benchmarks.probes.steady import START_S
from benchmarks.probes.targets import Targets, vim_id
from tests.support.networks.namespaces import Namespace
from vimesh.domain.probing import Method
from vimesh.domain.vims import Status

LONG = 5
"""A round gives 10,000 verdicts and takes half a minute: it counts as this many of other benchmarks."""
BEFORE_S = 3.0
DARK_S = 13.0
"""An interval, the time until silence is judged, and one and a half seconds for verdicts that should not come."""
HEAL_S = 12.0
_TARGETS = Targets(Method.PING, 100_000, interval_s=10)
_EVERY = 10


async def measure(run: Run) -> Measured:
    rounds = max(1, run.rounds // LONG)
    samples: list[Sample] = []
    with machine() as inside:
        async with host_in(inside, run.folder, "host") as host:
            await host.start(_TARGETS)
            run.say(f"all reachable after {await host.all_reachable(_TARGETS, START_S):.1f} s")
            await host.watch_lag()
            for number in range(rounds):
                samples.append(sample := await _Outage(inside, host, first=number).happens())
                run.say(f"round {number + 1} of {rounds}: {sample['false']:.0f} false, {sample['missing']:.0f} missing")
    return Measured(figures=_figures(samples), settings={"VIMs": "100,000 pings x 10 s", "dark": "10,000"})


class _Outage:
    """One blackout of every tenth VIM, from number `first` on."""

    def __init__(self, inside: Namespace, host: HostUnderTest, *, first: int) -> None:
        self._inside = inside
        self._host = host
        self._dark = range(first, _TARGETS.count, _EVERY)
        self._addresses = [_TARGETS.address(number) for number in self._dark]
        self._dark_ids = {vim_id(number) for number in self._dark}

    async def happens(self) -> Sample:
        healthy = await self._watched(BEFORE_S)
        dark_at = time.monotonic()
        await asyncio.to_thread(self._inside.drop, self._addresses)
        took_s = time.monotonic() - dark_at
        dark = await self._watched(DARK_S)
        changes = await self._host.changes()
        await asyncio.to_thread(self._inside.undrop, self._addresses)
        await asyncio.sleep(HEAL_S)
        await self._check_healed()
        return {**self._judged(changes, dark_at), "nft_s": took_s, **_costs(healthy, dark)}

    async def _watched(self, seconds: float) -> tuple[float, Spent]:
        """Return the share of a core in the next seconds, and the costs so far at their end."""
        before, begun = await self._host.spent(), time.perf_counter()
        await asyncio.sleep(seconds)
        after = await self._host.spent()
        return (after.cpu_s - before.cpu_s) / (time.perf_counter() - begun), after

    def _judged(self, changes: list[Change], dark_at: float) -> Sample:
        right = [change for change in changes if change.vim_id in self._dark_ids]
        latencies = [change.seen_at - dark_at for change in right if change.status is Status.UNREACHABLE]
        if not latencies:
            raise NotMeasured("no VIM was found dark")
        return {
            "false": float(len(changes) - len(latencies)),
            "missing": float(len(self._dark_ids) - len({change.vim_id for change in right})),
            "mean_s": statistics.fmean(latencies),
            "max_s": max(latencies),
        }

    async def _check_healed(self) -> None:
        back = {change.vim_id for change in await self._host.changes() if change.status is Status.REACHABLE}
        if back != self._dark_ids:
            raise NotMeasured(f"{len(back)} of {len(self._dark_ids)} VIMs came back within {HEAL_S:.0f} s")


def _costs(healthy: tuple[float, Spent], dark: tuple[float, Spent]) -> Sample:
    return {
        "core_before": 100 * healthy[0],
        "core_dark": 100 * dark[0],
        "lag_before_ms": 1000 * healthy[1].lag_s,
        "lag_dark_ms": 1000 * dark[1].lag_s,
    }


def _figures(samples: list[Sample]) -> tuple[Figure, ...]:
    def figure(name: str, unit: str, key: str, note: str = "") -> Figure:
        return Figure(name, unit, tuple(sample[key] for sample in samples), higher_is_better=False, note=note)

    def none_at_all(name: str, key: str) -> Figure:
        # A sum: a median would hide an event of a single round.
        total = float(sum(sample[key] for sample in samples))
        return Figure(name, "", (total,), goal=0, least=0, higher_is_better=False)

    filter_s = max(sample["nft_s"] for sample in samples)
    return (
        none_at_all("verdicts that should not be", "false"),
        none_at_all("dark VIMs that were not found", "missing"),
        replace(figure("greatest delay of the loop meanwhile", "ms", "lag_dark_ms"), goal=100, least=250),
        figure("greatest delay of the loop before", "ms", "lag_before_ms"),
        figure("blackout to verdict, mean", "s", "mean_s", f"the filter took {1000 * filter_s:.0f} ms of it"),
        figure("blackout to verdict, longest", "s", "max_s"),
        figure("share of a core before", "%", "core_before"),
        figure("share of a core while 10,000 are found and stay dark", "%", "core_dark"),
    )


DARK = Benchmark("dark", "10,000 of 100,000 VIMs go dark at once", measure, Path(__file__).with_name("dark.md"))
