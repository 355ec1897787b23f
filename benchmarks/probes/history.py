"""Measures what a monitor pays for the history of its VIMs."""

from __future__ import annotations

from pathlib import Path

from benchmarks.harness import machine as this_machine
from benchmarks.harness.benchmark import Benchmark, Run
from benchmarks.harness.result import Figure, Measured
from benchmarks.harness.rounds import Rounds, interleave
from benchmarks.probes.open_machine import open_machine
from benchmarks.probes.steady import pinging_hosts
from benchmarks.probes.targets import Targets
from vimesh.domain.probing import Method

ROUNDS_OF_DIGEST = 6
"""As many as a VIM has in a minute, if its policy is the default one."""
_WITHOUT, _WITH = "without a history", "with a history"
_FLEETS = {
    _WITHOUT: Targets(Method.PING, 10_000, interval_s=1),
    _WITH: Targets(Method.PING, 10_000, interval_s=1, history=True),
}


async def measure(run: Run) -> Measured:
    with open_machine() as inside:
        run.say("starting the hosts")
        async with pinging_hosts(inside, run.folder, list(_FLEETS.values())) as (without, keeping):
            variants = {
                _WITHOUT: lambda: without.turn(ROUNDS_OF_DIGEST),
                _WITH: lambda: keeping.turn(ROUNDS_OF_DIGEST),
            }
            rounds = await interleave(variants, rounds=run.rounds, say=run.say)
    return Measured(
        figures=_figures(rounds),
        settings={"VIMs": "10,000 pings x 1 s", "digests": f"one of each VIM for {ROUNDS_OF_DIGEST} rounds"},
        versions=this_machine.versions("protobuf"),
    )


def _figures(rounds: Rounds) -> tuple[Figure, ...]:
    ratio = rounds.ratio(_WITH, _WITHOUT, "cpu_us")
    costs = [
        Figure(f"CPU per probe, {name}", "us", rounds.of(name, "cpu_us"), higher_is_better=False) for name in _FLEETS
    ]
    return (
        Figure("CPU with a history over that without", "x", ratio, goal=1.1, least=1.2, higher_is_better=False),
        *costs,
    )


HISTORY = Benchmark("history", "CPU of a history", measure, Path(__file__).with_name("history.md"))
