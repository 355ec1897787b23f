"""Measures the cost of a ping probe: ours, that of fping, of one process per probe, and of plain C."""

from __future__ import annotations

import statistics
from pathlib import Path

from benchmarks.harness import machine as this_machine
from benchmarks.harness.benchmark import Benchmark, Run
from benchmarks.harness.result import Figure, Measured
from benchmarks.harness.rounds import Rounds, interleave
from benchmarks.probes.open_machine import open_machine
from benchmarks.probes.ping_peers import PING_PROBES, PING_THREADS, PingPeers, ping_peers
from benchmarks.probes.steady import Steady, pinging_hosts
from benchmarks.probes.targets import Targets
from vimesh.domain.probing import Method

WINDOW_S = 1.5
FPING_ROUNDS = 1
_LIMIT_S = 1.0

_OURS = "vimesh, 10,000 VIMs x 1 s"
_OURS_V6 = "vimesh, the same over IPv6"
_OURS_MANY = "vimesh, 100,000 VIMs x 10 s"
_FPING = "fping, 10,000 hosts, asked for 10,000/s"
_PING = "one ping process per probe"
_LIMIT_PACED = "C loop, 10,000/s"
_LIMIT_PACED_V6 = "C loop, 10,000/s over IPv6"
_LIMIT = "C loop, without a pause"

_FLEETS = {
    _OURS: Targets(Method.PING, 10_000, interval_s=1),
    _OURS_V6: Targets(Method.PING, 10_000, interval_s=1, ipv6=True),
    _OURS_MANY: Targets(Method.PING, 100_000, interval_s=10),
}


async def measure(run: Run) -> Measured:
    with open_machine() as inside:
        peers = await ping_peers(inside, run.folder, _FLEETS[_OURS])
        run.say("starting the hosts")
        async with pinging_hosts(inside, run.folder, list(_FLEETS.values())) as steady:
            rounds = await _take_turns(run, dict(zip(_FLEETS, steady, strict=True)), peers)
    return Measured(figures=_figures(rounds), settings=_settings(), versions=_versions())


async def _take_turns(run: Run, ours: dict[str, Steady], peers: PingPeers) -> Rounds:
    variants = {
        _OURS: lambda: ours[_OURS].turn(WINDOW_S),
        _FPING: lambda: peers.by_fping(_FLEETS[_OURS], FPING_ROUNDS),
        _OURS_V6: lambda: ours[_OURS_V6].turn(WINDOW_S),
        _PING: peers.by_ping_processes,
        _OURS_MANY: lambda: ours[_OURS_MANY].turn(WINDOW_S),
        _LIMIT_PACED: lambda: peers.by_c(_FLEETS[_OURS], 10_000, _LIMIT_S),
        _LIMIT_PACED_V6: lambda: peers.by_c(_FLEETS[_OURS_V6], 10_000, _LIMIT_S),
        _LIMIT: lambda: peers.by_c(_FLEETS[_OURS], 0, _LIMIT_S),
    }
    return await interleave(variants, rounds=run.rounds, say=run.say)


def _figures(rounds: Rounds) -> tuple[Figure, ...]:
    def ratio(name: str, over: str, goal: float | None = None, least: float | None = None) -> Figure:
        return Figure(name, "x", rounds.ratio(over, _OURS, "cpu_us"), goal, least)

    def cost(variant: str, note: str = "") -> Figure:
        return Figure(
            f"CPU per probe: {variant}", "us", rounds.of(variant, "cpu_us"), higher_is_better=False, note=note
        )

    def ours(variant: str) -> Figure:
        return cost(variant, f"{rounds.median(variant, 'kernel_us'):.1f} us of it in the kernel; {pace(variant)}")

    def pace(variant: str) -> str:
        return f"kept a pace of {rounds.median(variant, 'probes_per_s'):,.0f}/s"

    return (
        ratio("less CPU than one ping process per probe", _PING, goal=280, least=200),
        ratio("less CPU than fping", _FPING, goal=5, least=4),
        ours(_OURS),
        ours(_OURS_V6),
        ours(_OURS_MANY),
        cost(_FPING, pace(_FPING)),
        cost(_PING),
        cost(_LIMIT_PACED),
        cost(_LIMIT_PACED_V6),
        cost(_LIMIT),
        Figure(
            "IPv6 over IPv4, CPU",
            "x",
            rounds.ratio(_OURS_V6, _OURS, "cpu_us"),
            higher_is_better=False,
            note=f"{statistics.median(rounds.ratio(_LIMIT_PACED_V6, _LIMIT_PACED, 'cpu_us')):.2f}x in the C loop",
        ),
        Figure(
            "vimesh over the C loop, both at 10,000/s, CPU",
            "x",
            rounds.ratio(_OURS, _LIMIT_PACED, "cpu_us"),
            higher_is_better=False,
        ),
        Figure(
            "less CPU than one ping process per probe, of the C loop at 10,000/s",
            "x",
            rounds.ratio(_PING, _LIMIT_PACED, "cpu_us"),
            note="the most that is possible here",
        ),
    )


def _settings() -> dict[str, str]:
    return {
        "window": f"{WINDOW_S:g} s",
        "fping": f"{FPING_ROUNDS} round of 10,000 hosts",
        "ping": f"{PING_PROBES} probes by {PING_THREADS} threads",
    }


def _versions() -> dict[str, str]:
    names = ("fping", "iputils-ping", "gcc")
    return {name: version for each in names for name, version in this_machine.debian_version(each).items()}


PINGS = Benchmark("pings", "CPU of a ping probe", measure, Path(__file__).with_name("pings.md"))
