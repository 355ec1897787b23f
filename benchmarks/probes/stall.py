"""Measures whether a loop that was blocked reports healthy VIMs as unreachable."""

from __future__ import annotations

import asyncio
from pathlib import Path

from benchmarks.harness.benchmark import Benchmark, Run
from benchmarks.harness.failure import NotMeasured
from benchmarks.harness.namespace import machine
from benchmarks.harness.result import Figure, Measured
from benchmarks.harness.rounds import Sample
from benchmarks.probes.hosts import HostUnderTest, host_in
from benchmarks.probes.kernel_counts import echoes_at
from benchmarks.probes.steady import START_S
from benchmarks.probes.targets import Targets, vim_id
from tests.support.networks.namespaces import Namespace
from vimesh.domain.probing import Method
from vimesh.domain.vims import Status

STALL_S = 1.5
AFTERWARDS_S = 2.5
"""A round of each VIM, and the time until silence is judged."""
FOUND_S = 4.0
DARK = 100
_TARGETS = Targets(Method.PING, 10_000, interval_s=1)


async def measure(run: Run) -> Measured:
    samples: list[Sample] = []
    with machine() as inside:
        async with host_in(inside, run.folder, "host") as host:
            await host.start(_TARGETS)
            await host.all_reachable(_TARGETS, START_S)
            await host.watch_lag()
            for number in range(run.rounds):
                samples.append(await _stalled(host))
                run.say(f"round {number + 1} of {run.rounds}: {samples[-1]['false']:.0f} false verdicts")
            wrong = await _wrong_about_dark(inside, host)
    return Measured(figures=_figures(samples, wrong), settings={"VIMs": "10,000 pings x 1 s", "stall": f"{STALL_S} s"})


async def _stalled(host: HostUnderTest) -> Sample:
    await host.spent()
    await host.stall(STALL_S)
    before = echoes_at(host.pid)
    await asyncio.sleep(AFTERWARDS_S)
    echoes, spent, changes = echoes_at(host.pid).since(before), await host.spent(), await host.changes()
    # If no stall happened, or probing stopped after it, there would be no false verdict either.
    if spent.lag_s < STALL_S / 2:
        raise NotMeasured(f"the loop was late by {spent.lag_s:.3f} s only")
    if echoes.requests < _TARGETS.rate * AFTERWARDS_S * 0.5:
        raise NotMeasured(f"only {echoes.requests} probes in {AFTERWARDS_S} s after the stall")
    return {"false": len(changes), "late_s": spent.lag_s}


async def _wrong_about_dark(inside: Namespace, host: HostUnderTest) -> int:
    """Make some VIMs dark during a stall; return how many were not found afterwards, or found without being dark."""
    dark = range(0, _TARGETS.count, _TARGETS.count // DARK)
    inside.drop(_TARGETS.address(number) for number in dark)
    await host.stall(STALL_S)
    await asyncio.sleep(FOUND_S)
    told = {change.vim_id for change in await host.changes() if change.status is Status.UNREACHABLE}
    return len(told ^ {vim_id(number) for number in dark})


def _figures(samples: list[Sample], wrong: int) -> tuple[Figure, ...]:
    return (
        Figure(
            f"false verdicts on 10,000 healthy VIMs, in {len(samples)} stalls",
            "",
            (float(sum(sample["false"] for sample in samples)),),
            goal=0,
            least=0,
            higher_is_better=False,
        ),
        Figure("delay of the loop", "s", tuple(sample["late_s"] for sample in samples), higher_is_better=False),
        Figure(
            f"wrong verdicts when {DARK} of them go dark during a stall",
            "",
            (float(wrong),),
            goal=0,
            least=0,
            higher_is_better=False,
        ),
    )


STALL = Benchmark("stall", "A stall of the loop", measure, Path(__file__).with_name("stall.md"))
