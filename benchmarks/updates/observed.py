"""Measures what it costs to be looked at: durable reports with metrics that a Prometheus reads, and with traces."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from benchmarks.harness.benchmark import Run
from benchmarks.harness.machine import debian_version, versions
from benchmarks.harness.prometheus import Job, running_prometheus
from benchmarks.harness.result import Figure, Measured
from benchmarks.harness.rounds import Rounds, interleave
from benchmarks.updates.conductors import conductor, database
from benchmarks.updates.driving import CHANGED, CHANGING, Driver
from tests.support.clouds.targets import free_port

_PLAIN, _METRICS, _TRACES = "nothing", "metrics, read every 15 s", "traces, none of them drawn"
_SCRAPE_S = 15


@dataclass(frozen=True, slots=True)
class Scale:
    seconds: float = float(_SCRAPE_S)
    """Of each round and row: as long as from one scrape to the next, so that each round with metrics has one."""
    callers: int = 64


@dataclass(frozen=True, slots=True)
class _Site:
    flags: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)


async def measure(run: Run) -> Measured:
    return await measured(run, Scale())


async def measured(run: Run, scale: Scale) -> Measured:
    load = replace(CHANGED, callers=scale.callers, client="grpc", seconds=scale.seconds)
    metrics = f"127.0.0.1:{free_port()}"
    # Nobody listens there: spans that are never made are never sent.
    collector = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{free_port()}"}
    sites = {_PLAIN: _Site(), _METRICS: _Site(("--metrics", metrics)), _TRACES: _Site(environment=collector)}
    async with AsyncExitStack() as scope:
        drivers = {name: await scope.enter_async_context(_driver(run.folder, site)) for name, site in sites.items()}
        for driver in drivers.values():
            await driver.changed(load)  # not measured: the processes are new
        await scope.enter_async_context(running_prometheus(run.folder, [Job("vimesh", metrics)], every_s=_SCRAPE_S))
        variants = {name: lambda driver=driver: driver.changed(load) for name, driver in drivers.items()}
        rounds = await interleave(variants, rounds=run.rounds, say=run.say)
    found = versions("grpcio", "protobuf", "sqlalchemy", "prometheus-client", "opentelemetry-sdk")
    return Measured(_figures(rounds), _settings(scale), found | debian_version("prometheus"))


@asynccontextmanager
async def _driver(parent: Path, site: _Site) -> AsyncGenerator[Driver]:
    folder = Path(tempfile.mkdtemp(dir=parent))
    async with (
        database("sqlite", folder / "database") as on,
        conductor(on, folder, *site.flags, count=2 * CHANGING, environment=site.environment) as process,
    ):
        yield Driver(process, folder)


def _figures(rounds: Rounds) -> tuple[Figure, ...]:
    ratios = [
        Figure(f"{key}: {name}, against {_PLAIN}", "x", rounds.ratio(name, _PLAIN, value), *goals, higher_is_better=up)
        for name, least in ((_METRICS, 0.97), (_TRACES, 0.98))
        for key, value, goals, up in (
            ("reports per second", "calls_per_s", (least, least), True),
            ("CPU of a report", "conductor_us", (2 - least, 2 - least), False),
        )
    ]
    rates = [
        Figure(
            name,
            "calls/s",
            rounds.of(name, "calls_per_s"),
            note=_note(rounds, name),
        )
        for name in (_PLAIN, _METRICS, _TRACES)
    ]
    return (*ratios, *rates)


def _note(rounds: Rounds, name: str) -> str:
    cpu_us, p99_ms = rounds.median(name, "conductor_us"), rounds.median(name, "p99_ms")
    return f"p99 {p99_ms:.0f} ms; CPU us of a call: {cpu_us:.0f}"


def _settings(scale: Scale) -> dict[str, str]:
    return {
        "calls in flight": str(scale.callers),
        "seconds of each round and row": f"{scale.seconds:.0f}",
        "VIMs that change": f"{CHANGING:,}",
        "Prometheus": f"one, which reads `/metrics` every {_SCRAPE_S} s",
        "database": "SQLite, synchronous=FULL",
    }
