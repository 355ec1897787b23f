"""Makes figures of the measurements of the fleets, and compares them with their goals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from benchmarks.fleet.costs import PARTS, Costs
from benchmarks.fleet.life import Smaller, Whole
from benchmarks.fleet.plan import Plan
from benchmarks.harness.result import Figure, Series

_COUNTED_CORE = 0.003
"""The kernel counts in steps of 10 ms: for six processes in 20 s, this share of a core is within one step."""
_BYTES_PER_MB = 1_000_000
_US_PER_S = 1_000_000


def figures(plan: Plan, whole: Whole, smaller: Sequence[Smaller]) -> tuple[Figure, ...]:
    return (
        *_of_coming(plan, whole),
        *_of_steady(plan, whole.steady),
        *_of_darkness(plan, whole),
        *_of_reading(plan, whole),
        *_of_growth(plan, whole.steady, smaller),
    )


def series(plan: Plan, whole: Whole, smaller: Sequence[Smaller]) -> tuple[Series, ...]:
    sizes = [*((small.count, small.steady) for small in smaller), (plan.size, whole.steady)]

    def by_size(name: str) -> tuple[tuple[tuple[float, float], ...], tuple[tuple[float, float], ...]]:
        cpu = tuple((count, round(100 * costs.core[name], 2)) for count, costs in sizes)
        return cpu, tuple((count, round(costs.memory_mb[name], 1)) for count, costs in sizes)

    cpu = {name: by_size(name)[0] for name in PARTS} | {
        "all": tuple((count, round(100 * costs.whole_core, 2)) for count, costs in sizes)
    }
    memory = {name: by_size(name)[1] for name in PARTS} | {
        "all": tuple((count, round(costs.whole_memory_mb, 1)) for count, costs in sizes)
    }
    return (
        Series("cpu", "A whole fleet in steady state: CPU", "VIMs", "% of one core", cpu),
        Series("memory", "A whole fleet in steady state: memory", "VIMs", "MB", memory),
        Series(
            "time",
            f"{plan.size:,} VIMs, from a cold start on",
            "seconds",
            "% of one core",
            {name: tuple(points) for name, points in whole.trace.items()},
            log_x=False,
        ),
    )


def _less(  # noqa: PLR0917 - in the order of a row of the table
    name: str, unit: str, value: float, goal: float | None = None, least: float | None = None, note: str = ""
) -> Figure:
    return Figure(name, unit, (value,), goal, least, higher_is_better=False, note=note)


def _of_coming(plan: Plan, whole: Whole) -> Iterator[Figure]:
    came, size = whole.imported, f"{plan.size:,}"
    yield _less(f"{size} VIMs imported", "s", came.seconds, 60, 180, "`vimesh vim import`, probes going on")
    yield _less("CPU of the import: the command, per VIM", "us", came.command_cpu_s / plan.size * _US_PER_S)
    yield _less("CPU of the import: the fleet, per VIM", "us", came.fleet_cpu_s / plan.size * _US_PER_S)
    yield _less("after the import, until all have a verdict", "s", came.verdicts_s)
    yield _less(f"first verdicts of {size} after a cold start", "s", whole.cold_start_s, 15, 30)


def _of_steady(plan: Plan, costs: Costs) -> Iterator[Figure]:
    window = f"over {plan.window_s:g} s"
    yield _less("whole fleet, steady: CPU", "% of a core", 100 * costs.whole_core, 50, 100, window)
    yield _less("whole fleet, steady: memory", "MB", costs.whole_memory_mb, 700, 1074)
    yield _less("monitor, steady: CPU", "% of a core", 100 * costs.core["monitor"], 15, 25, window)
    yield _less("monitor, steady: memory", "MB", costs.monitor_rss_mb, 200, 300, "what it shares included")
    for name in PARTS:
        if name != "monitor":
            note = f"{costs.memory_mb[name]:.0f} MB"
            yield _less(f"{_shown_name(name)}, steady: CPU", "% of a core", 100 * costs.core[name], note=note)


def _of_darkness(plan: Plan, whole: Whole) -> Iterator[Figure]:
    dark, size = whole.darkness, f"{plan.size // plan.dark:,}"
    wrong = dark.fell.wrong + dark.rose.wrong + whole.wrong
    yield _less("false, missing or repeated verdicts, at any time", "VIMs", wrong, 0, 0)
    yield _less("UNKNOWN for a time, while 100,000 were imported and all was started anew", "VIMs", whole.silent)
    for turn, what in ((dark.fell, f"{size} go dark"), (dark.rose, "they come back")):
        held = (1, 3) if turn is dark.fell else (None, None)
        yield _less(f"{what}: last change at the watcher after the last verdict", "s", turn.last_delay_s, *held)
        yield _less(f"{what}: from a verdict to its change at the watcher, median", "s", turn.delay_s(50))
        yield _less(f"{what}: the same, 99 of 100 are sooner", "s", turn.delay_s(99))
        yield _less(f"{what}: from the instant to the last change", "s", turn.last_after_s)


def _of_reading(plan: Plan, whole: Whole) -> Iterator[Figure]:
    listed, size = whole.darkness.listed, f"{plan.size:,}"
    yield _less(f"`vimesh vim list -o json` of {size}", "s", whole.listing_s)
    yield _less(f"snapshot of {size} by WatchVims", "s", whole.snapshot.seconds)
    slowest = f"slowest page {listed.slowest_s * 1000:.0f} ms"
    yield _less(f"ListVims `status = UNREACHABLE`: {len(listed.vims):,} in pages", "s", listed.seconds, note=slowest)


def _of_growth(plan: Plan, steady: Costs, smaller: Sequence[Smaller]) -> Iterator[Figure]:
    [empty] = [small.empty for small in smaller if small.empty is not None]
    base_core, base_mb = empty.whole_core, empty.whole_memory_mb
    yield _less("without VIMs: CPU", "% of a core", 100 * base_core)
    yield _less("without VIMs: memory", "MB", base_mb)
    sizes = [*((small.count, small.steady) for small in smaller), (plan.size, steady)]
    # No figure is given if the cost is too small to be counted: it is not known to be less than that.
    cpu = {count: max(costs.whole_core - base_core, _COUNTED_CORE) / count * _US_PER_S for count, costs in sizes}
    memory = {count: (costs.whole_memory_mb - base_mb) / count * _BYTES_PER_MB for count, costs in sizes}
    for count, us in cpu.items():
        yield _less(f"CPU per VIM and second at {count:,}, without the base", "us", us)
    for count, taken in memory.items():
        yield _less(f"memory per VIM at {count:,}, without the base", "bytes", taken)
    for small in smaller:
        against = f"{plan.size:,} over {small.count:,}"
        yield _less(f"CPU per VIM, {against}", "x", cpu[plan.size] / cpu[small.count], 1, 1.5)
        yield _less(f"memory per VIM, {against}", "x", memory[plan.size] / memory[small.count], 1, 1.5)


def _shown_name(name: str) -> str:
    return "`vimesh up` itself" if name == "up" else name
