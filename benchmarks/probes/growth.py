"""Measures whether a VIM costs more the more of them there are."""

from __future__ import annotations

import statistics
from pathlib import Path

from benchmarks.harness import machine as this_machine
from benchmarks.harness.benchmark import Benchmark, Run
from benchmarks.harness.result import Figure, Measured, Series
from benchmarks.harness.rounds import Rounds, Variant, interleave
from benchmarks.probes.open_machine import open_machine
from benchmarks.probes.steady import Steady, pinging_hosts
from benchmarks.probes.targets import Targets
from vimesh.domain.probing import Method

COUNTS = (1_000, 10_000, 100_000)
INTERVAL_S = 10.0
WINDOW_S = 1.5
FLAT = 1.1
"""The limit for a flat cost: the rounds scatter by more."""


async def measure(run: Run) -> Measured:
    fleets = [Targets(Method.PING, count, INTERVAL_S) for count in COUNTS]
    with open_machine() as inside:
        run.say("starting the hosts")
        async with pinging_hosts(inside, run.folder, fleets) as steady:
            variants = {_name(each.targets.count): _turn(each) for each in steady}
            rounds = await interleave(variants, rounds=run.rounds, say=run.say)
        base_mb = statistics.median(each.base_rss_bytes for each in steady) / 1e6
    return Measured(
        figures=_figures(rounds),
        settings={"interval": f"{INTERVAL_S:g} s", "window": f"{WINDOW_S:g} s", "without a VIM": f"{base_mb:.0f} MB"},
        versions=this_machine.versions("protobuf"),
        series=(_cpu(rounds), _memory(rounds)),
    )


def _turn(steady: Steady) -> Variant:
    return lambda: steady.turn(WINDOW_S)


def _name(count: int) -> str:
    return f"{count:,} VIMs"


def _grown(rounds: Rounds, key: str) -> tuple[float, ...]:
    """Return, for each round, the cost per VIM of the largest fleet relative to the cheapest smaller one."""
    small, medium, large = (rounds.of(_name(count), key) for count in COUNTS)
    return tuple(c / min(a, b) for a, b, c in zip(small, medium, large, strict=True))


def _figures(rounds: Rounds) -> tuple[Figure, ...]:
    def growth(name: str, key: str) -> Figure:
        return Figure(name, "x", _grown(rounds, key), goal=FLAT, least=1.5, higher_is_better=False)

    figures = [
        growth("CPU per probe at 100,000 VIMs over the least of 1,000 and 10,000", "cpu_us"),
        growth("memory per VIM at 100,000 VIMs over the least of 1,000 and 10,000", "bytes_per_vim"),
    ]
    for count in COUNTS:
        name = _name(count)
        cpu, core = rounds.of(name, "cpu_us"), rounds.median(name, "core")
        note = f"{core:.1%} of a core"
        figures.append(Figure(f"CPU per probe, {name}", "us", cpu, higher_is_better=False, note=note))
    for count in COUNTS:
        name = _name(count)
        note = f"{rounds.median(name, 'rss_mb'):.0f} MB in all"
        memory = rounds.of(name, "bytes_per_vim")
        figures.append(Figure(f"memory per VIM, {name}", "B", memory, higher_is_better=False, note=note))
    return tuple(figures)


def _cpu(rounds: Rounds) -> Series:
    line = tuple((float(count), 100 * rounds.median(_name(count), "core")) for count in COUNTS)
    return Series("cpu", "CPU of one host, pings every 10 s", "VIMs", "percent of a core", {"vimesh": line}, log_y=True)


def _memory(rounds: Rounds) -> Series:
    line = tuple((float(count), rounds.median(_name(count), "rss_mb")) for count in COUNTS)
    return Series("memory", "Memory of one host", "VIMs", "MB resident", {"vimesh": line}, log_y=True)


GROWTH = Benchmark("growth", "CPU and memory against VIMs", measure, Path(__file__).with_name("growth.md"))
