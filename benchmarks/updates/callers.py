"""Measures how calls per second and their slowest hundredth depend on the number of callers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from benchmarks.harness.benchmark import Run
from benchmarks.harness.machine import versions
from benchmarks.harness.result import Figure, Measured, Series
from benchmarks.harness.rounds import Rounds, Variant, interleave
from benchmarks.updates.conductors import conductor, database
from benchmarks.updates.driving import CHANGED, CHANGING, EMPTY, Driver
from benchmarks.updates.load import write_vims
from benchmarks.updates.oslo import OsloConductor, oslo_conductor

_CALLERS = (1, 4, 16, 64, 256)
_SECONDS = 2.0
_EMPTY = "vimesh, empty calls"
_OURS = "vimesh, reports"
_THEIRS = "oslo.messaging, reports"
_LINES = (_EMPTY, _OURS, _THEIRS)


async def measure(run: Run) -> Measured:
    folder = run.folder
    async with database("sqlite", folder / "database") as on, conductor(on, folder, count=2 * CHANGING) as ours:
        vims = write_vims(folder / "oslo-vims", ours.vims[:CHANGING])
        async with oslo_conductor(vims, folder) as theirs:
            driver = Driver(ours, folder)
            variants: dict[str, Variant] = {}
            for callers in _CALLERS:
                variants |= _variants(driver, theirs, callers)
            rounds = await interleave(variants, rounds=max(1, run.rounds // 2), say=run.say)
            found = versions("grpcio", "protobuf", "sqlalchemy") | theirs.versions()
    return Measured(_figures(rounds), _SETTINGS, found, _series(rounds))


def _variants(driver: Driver, theirs: OsloConductor, callers: int) -> dict[str, Variant]:
    empty = replace(EMPTY, callers=callers, client="grpc", seconds=_SECONDS)
    changed = replace(CHANGED, callers=callers, client="grpc", seconds=_SECONDS)
    return {
        _name(_EMPTY, callers): lambda: driver.empty(empty),
        _name(_OURS, callers): lambda: driver.changed(changed),
        _name(_THEIRS, callers): lambda: theirs.changed(callers, _SECONDS),
    }


def _name(line: str, callers: int) -> str:
    return f"{line}, {callers} caller{'s' if callers > 1 else ''}"


def _figures(rounds: Rounds) -> tuple[Figure, ...]:
    return tuple(
        Figure(
            _name(line, callers),
            "calls/s",
            rounds.of(_name(line, callers), "calls_per_s"),
            note=f"p99 {rounds.median(_name(line, callers), 'p99_ms'):.3g} ms",
        )
        for line in _LINES
        for callers in _CALLERS
    )


def _series(rounds: Rounds) -> tuple[Series, ...]:
    def lines(key: str) -> Mapping[str, tuple[tuple[float, float], ...]]:
        return {
            line: tuple((float(callers), rounds.median(_name(line, callers), key)) for callers in _CALLERS)
            for line in _LINES
        }

    x_label = "callers, each with one call in flight"
    return (
        Series("rate", "Calls per second", x_label, "calls per second", lines("calls_per_s"), log_y=True),
        Series("p99", "The slowest hundredth", x_label, "p99, milliseconds", lines("p99_ms"), log_y=True),
    )


_SETTINGS = {
    "seconds of each round and row": f"{_SECONDS:.0f}",
    "VIMs that change": f"{CHANGING:,}",
    "clients": "Python, one process: grpc.aio, and oslo.messaging with a thread for each caller",
    "database": "SQLite, synchronous=FULL, for both",
}
