"""Carries out one run inside the namespace: play, record, and then read the record."""

from __future__ import annotations

import asyncio
import secrets
import time
from dataclasses import dataclass, replace
from pathlib import Path

from tests.simulation.robustness import report
from tests.simulation.robustness.checks.check_hostile import by_kind, table_by_kind
from tests.simulation.robustness.checks.checker import check
from tests.simulation.robustness.faults import random_faults
from tests.simulation.robustness.faults.planned_faults import INTERVAL_S, SCENARIOS
from tests.simulation.robustness.history import History, read
from tests.simulation.robustness.load import hostile
from tests.simulation.robustness.releases import install, newest_tag
from tests.simulation.robustness.schedule import UPGRADE, Planned, schedule
from tests.simulation.robustness.stage import staged
from tests.simulation.robustness.world import WorldSettings
from tests.support.networks.namespaces import Namespace

RANDOM = "random"
HISTORY = "history.jsonl"
_CONTACT_WITHIN_S = 10.0
"""In the scenarios that do one thing: the defaults with which a fleet is started."""
_WATCHERS_OF_UPGRADE = 20


@dataclass(frozen=True, slots=True)
class Order:
    """What the command line asks for."""

    scenario: str
    seed: int
    minutes: float
    database: str
    vims: int
    size: int | None
    folder: Path
    without: frozenset[str]
    kinds: tuple[str, ...]
    """Kinds of hostile VIMs."""
    together: int
    """Number of kinds at a time."""
    ref: str
    """Of git: the release to upgrade from. Empty: the newest tag; without one, to a next release that is made."""

    def plan(self) -> list[Planned]:
        if self.scenario != RANDOM:
            return []
        return schedule(self.seed, self.database, 60 * self.minutes, without=self.without)


async def run(order: Order, machine: Namespace) -> bool:
    """Play and check; return whether every guarantee held. Prints the report."""
    history = History(order.folder / HISTORY)
    try:
        await _play(order, machine, history)
    finally:
        history.close()
    return judge(order.folder)


def judge(folder: Path) -> bool:
    """Check the record in the folder of a run; return whether every guarantee held. Prints the report."""
    record = read(folder / HISTORY)
    violations = check(record)
    kinds = by_kind(record)
    found = report.figures(record, violations)
    report.write(folder, found | {"kinds": kinds}, violations)
    print(report.table(found))
    if kinds:
        (folder / "kinds.md").write_text(table := table_by_kind(kinds), encoding="utf-8")
        print(table)
    print(report.verdict(violations))
    return not violations


async def _play(order: Order, machine: Namespace, history: History) -> None:
    plan = order.plan()
    interval_s, contact_within_s = INTERVAL_S, _CONTACT_WITHIN_S
    if order.scenario == RANDOM:
        interval_s, contact_within_s = random_faults.INTERVAL_S, random_faults.CONTACT_WITHIN_S
    history.note(
        "run",
        scenario=order.scenario,
        seed=order.seed,
        database=order.database,
        minutes=order.minutes if order.scenario in (RANDOM, hostile.HOSTILE) else None,
        interval_s=interval_s,
        contact_within_s=contact_within_s,
        lease_s=3 * contact_within_s,
        # Monitors that are away delay no report.
        longest_fault_s=max((planned.for_s for planned in plan if planned.kind != "monitors-away"), default=0.0),
    )
    stepped = frozenset(planned.victim for planned in plan if planned.kind == "clock")
    settings = WorldSettings(order.database, contact_within_s, stepped)
    if order.scenario == UPGRADE:
        ref = order.ref or newest_tag()
        history.note("from", ref=ref or "this one, to a next one that was made of it")
        releases = await asyncio.to_thread(install, ref, order.folder / "releases")
        settings = replace(settings, watchers=_WATCHERS_OF_UPGRADE, releases=releases)
    async with staged(settings, order.folder, machine, history, order.seed) as stage:
        if order.scenario == RANDOM:
            await random_faults.play(stage, plan, random_faults.Load(order.vims))
        elif order.scenario == hostile.HOSTILE:
            await hostile.play(
                stage, hostile.Siege(order.vims, order.minutes, order.kinds, order.folder, order.together)
            )
        else:
            play, size = SCENARIOS[order.scenario]
            await play(stage, size if order.size is None else order.size)


def new_seed() -> int:
    return secrets.randbelow(1_000_000)


def new_folder(root: Path, order_name: str) -> Path:
    folder = root / f"{time.strftime('%Y%m%d-%H%M%S')}-{order_name}"
    folder.mkdir(parents=True)
    return folder
