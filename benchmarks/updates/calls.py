"""Measures one report per call: how close a conductor comes to its gRPC server with a call that does nothing."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from benchmarks.harness.benchmark import Run
from benchmarks.harness.machine import debian_version
from benchmarks.harness.result import Figure, Measured
from benchmarks.harness.rounds import Rounds, Variant, interleave
from benchmarks.updates.conductors import conductor, database, versions_over
from benchmarks.updates.driving import CHANGED, CHANGING, EMPTY, SAME, Driver

_VIMS = 41_000
_RENEWED = "contacts, each renews its lease"
_CHANGED = "reports, each changes a status and adds an event"
_UNCHANGED = "contacts that change nothing"
_EMPTY = "empty calls"
_H2LOAD = "empty calls, counted by h2load"
_GOALS = {"sqlite": (0.85, 0.70), "postgresql": (0.70, 0.50), "mariadb": (0.70, 0.50)}


def measure_on(kind: str) -> Callable[[Run], Coroutine[Any, Any, Measured]]:
    """Return the benchmark of one kind of database."""

    async def measure(run: Run) -> Measured:
        folder = run.folder
        async with database(kind, folder / "database") as on, conductor(on, folder, count=_VIMS) as measured:
            driver = Driver(measured, folder)
            await driver.warm_up()
            variants: dict[str, Variant] = {
                _EMPTY: lambda: driver.empty(EMPTY),
                _CHANGED: lambda: driver.changed(CHANGED),
                _RENEWED: lambda: driver.renewed(SAME),
                _UNCHANGED: lambda: driver.unchanged(SAME),
            }
            if kind == "sqlite":
                variants[_H2LOAD] = lambda: driver.empty_by_h2load(EMPTY.callers, EMPTY.seconds)
            rounds = await interleave(variants, rounds=run.rounds, say=run.say)
        return Measured(_figures(kind, rounds), _settings(kind), _versions(kind))

    return measure


def _figures(kind: str, rounds: Rounds) -> tuple[Figure, ...]:
    goal, least = _GOALS[kind]
    held = [
        Figure(f"{name}, against {_EMPTY}", "x", rounds.ratio(name, _EMPTY, "calls_per_s"), goal, least)
        for name in (_RENEWED, _CHANGED)
    ]
    costs = [
        Figure(f"CPU of the conductor: {_EMPTY}, against {name}", "x", rounds.ratio(_EMPTY, name, "conductor_us"))
        for name in (_RENEWED, _CHANGED)
    ]
    timed = (_EMPTY, _RENEWED, _CHANGED, _UNCHANGED)
    rates = [
        Figure(name, "calls/s", rounds.of(name, "calls_per_s"), note=_cpu_note(kind, rounds, name)) for name in timed
    ]
    if kind == "sqlite":
        rates.append(Figure(_H2LOAD, "calls/s", rounds.of(_H2LOAD, "calls_per_s"), note="a check of our own generator"))
    return (*held, *costs, *rates)


def _cpu_note(kind: str, rounds: Rounds, name: str) -> str:
    parts = [f"conductor {rounds.median(name, 'conductor_us'):.0f}"]
    if kind != "sqlite":
        parts.append(f"database {rounds.median(name, 'database_us'):.0f}")
    parts.append(f"load generator {rounds.median(name, 'client_us'):.0f}")
    return f"CPU us per call: {', '.join(parts)}; p99 {rounds.median(name, 'p99_ms'):.0f} ms"


def _settings(kind: str) -> dict[str, str]:
    return {
        "calls in flight": f"{EMPTY.callers} over 4 connections",
        "seconds of each round and row": f"{EMPTY.seconds:.0f}",
        "VIMs": f"{_VIMS:,}, of which {CHANGING:,} change",
        "conductors": "1",
        **({"synchronous": "FULL"} if kind == "sqlite" else {}),
    }


def _versions(kind: str) -> dict[str, str]:
    return versions_over(kind) | (debian_version("nghttp2-client") if kind == "sqlite" else {})
