"""Runs the life of one fleet: start, import, measurement, restart, darkness."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.fleet import vims
from benchmarks.fleet.asking import SNAPSHOT, Answer, Read, ask
from benchmarks.fleet.contacts import all_heard
from benchmarks.fleet.costs import Costs, Trace, Window, costs_of
from benchmarks.fleet.darkness import Darkness, darkness
from benchmarks.fleet.plan import Plan
from benchmarks.fleet.site import Site, running_site
from benchmarks.fleet.watcher import Told, Watcher, watching
from benchmarks.harness.failure import NotMeasured
from benchmarks.harness.rounds import Say
from tests.support.networks.namespaces import Namespace
from vimesh.runtime.background import beside

_IMPORT_LIMIT_S = 400.0
_VERDICTS_LIMIT_S = 120.0
_LIST_LIMIT_S = 180.0


@dataclass(frozen=True, slots=True)
class Imported:
    seconds: float
    command_cpu_s: float
    """CPU of `vimesh vim import`."""
    fleet_cpu_s: float
    """CPU of all processes of the fleet during the import, including probes and reports of the VIMs that exist."""
    verdicts_s: float
    """From the end of the import until a watcher has seen that all are reachable."""


@dataclass(frozen=True, slots=True)
class Smaller:
    """A fleet that is measured in steady state only."""

    count: int
    empty: Costs | None
    """Costs before it had VIMs, if they were measured."""
    steady: Costs


@dataclass(frozen=True, slots=True)
class Whole:
    imported: Imported
    cold_start_s: float
    """From the start of the first process until each VIM has been reported on."""
    listing_s: float
    """Time of `vimesh vim list -o json`."""
    snapshot: Answer
    steady: Costs
    darkness: Darkness
    wrong: int
    """Number of healthy VIMs that became UNREACHABLE before the darkness."""
    silent: int
    """Number of healthy VIMs that became UNKNOWN before the darkness, because no report came within their lease."""
    trace: Mapping[str, Sequence[tuple[float, float]]]
    """CPU of each process in percent of a core, by the seconds since the cold start."""


async def live_small(inside: Namespace, folder: Path, count: int, plan: Plan, say: Say) -> Smaller:
    async with running_site(inside, folder) as site, watching(site) as watcher:
        empty = await _empty(site, plan, say) if count == min(plan.smaller) else None
        await _fill(site, watcher, count, plan, say)
        await asyncio.sleep(plan.smaller_settle_s)
        steady = await costs_of(site, plan.smaller_window_s)
        say(f"{count:,} VIMs: {_shown(steady)}")
        watcher.read()
        require_quiet(watcher.told)
        return Smaller(count, empty, steady)


async def live(inside: Namespace, folder: Path, plan: Plan, say: Say) -> Whole:
    async with running_site(inside, folder) as site, watching(site) as watcher:
        imported = await _fill(site, watcher, plan.size, plan, say)
        first = list(watcher.told)
        say(f"told while it was filled: {_counted(first)}")
        seen = watcher.revision
    say("the fleet is started anew")
    async with running_site(inside, folder) as site, beside((trace := Trace(site)).run()):
        cold_start_s = await all_heard(site.database, site.started_at, _VERDICTS_LIMIT_S)
        say(f"all have a verdict {cold_start_s:.1f} s after the start of the first process")
        async with watching(site, seen) as watcher:
            settled = asyncio.get_running_loop().time() + plan.settle_s
            snapshot = await ask(site, SNAPSHOT)
            _require_heard(snapshot.vims, plan.size, site.started_at)
            listing_s = await _list(site, plan.size)
            say(f"snapshot in {snapshot.seconds:.1f} s, vim list in {listing_s:.1f} s; looking on")
            await asyncio.sleep(max(0.0, settled - asyncio.get_running_loop().time()))
            steady = await costs_of(site, plan.window_s)
            say(f"{plan.size:,} VIMs: {_shown(steady)}")
            watcher.read()
            calm = list(watcher.told)
            say(f"told since, before the darkness: {_counted(calm)}")
            dark = await darkness(site, watcher, dict(list(snapshot.vims.items())[:: plan.dark]))
            say(f"dark: {dark.fell.wrong} wrong, last change {dark.fell.last_delay_s:.2f} s after the last verdict")
    statuses = Counter(change.status for change in (*first, *calm))
    wrong, silent = statuses["UNREACHABLE"], statuses["UNKNOWN"]
    return Whole(imported, cold_start_s, listing_s, snapshot, steady, dark, wrong, silent, trace.lines)


async def _empty(site: Site, plan: Plan, say: Say) -> Costs:
    await asyncio.sleep(plan.empty_settle_s)
    empty = await costs_of(site, plan.empty_window_s)
    say(f"no VIMs: {_shown(empty)}")
    return empty


async def _fill(site: Site, watcher: Watcher, count: int, plan: Plan, say: Say) -> Imported:
    """Import that many VIMs, and wait until the watcher has seen that all are reachable."""
    file = vims.write(site.folder / "vims.jsonl", count, plan.interval_s)
    spent = Window(site)
    command = site.vimesh("vim", "import", str(file), "-o", "json")
    done = await site.run(*command, within_s=_IMPORT_LIMIT_S, told=lambda line: say(f"import: {line}"))
    fleet_cpu_s = spent.cpu_s()
    if done.document["registered"] != count:
        raise NotMeasured(f"not all were registered: {done.document}")
    begun = asyncio.get_running_loop().time()
    await watcher.until(lambda: watcher.statuses["REACHABLE"] == count, _VERDICTS_LIMIT_S)
    verdicts_s = asyncio.get_running_loop().time() - begun
    say(f"{count:,} imported in {done.seconds:.1f} s; all have a verdict {verdicts_s:.1f} s later")
    return Imported(done.seconds, done.cpu_s, fleet_cpu_s, verdicts_s)


async def _list(site: Site, count: int) -> float:
    done = await site.run(*site.vimesh("vim", "list", "-o", "json"), within_s=_LIST_LIMIT_S)
    if len(done.document) != count:
        raise NotMeasured(f"{len(done.document)} VIMs were listed")
    return done.seconds


def _counted(told: Sequence[Told]) -> dict[str, int]:
    return dict(Counter(f"{change.status} {change.reason}".rstrip() for change in told))


def wrongly_called(told: Sequence[Told]) -> int:
    """Count the changes in which a healthy VIM is not REACHABLE."""
    return sum(change.status not in ("PENDING", "REACHABLE") for change in told)


def require_quiet(told: Sequence[Told]) -> None:
    """Raises NotMeasured when a healthy VIM had another status: then this was not a steady state."""
    if wrong := wrongly_called(told):
        raise NotMeasured(f"{wrong} verdicts on healthy VIMs")


def _require_heard(found: Mapping[str, Read], count: int, since: float) -> None:
    heard = sum(vim.contact_at >= since and vim.status == "REACHABLE" for vim in found.values())
    if not heard == len(found) == count:
        raise NotMeasured(f"{heard} of {len(found)} VIMs read REACHABLE and were heard of since the start")


def _shown(costs: Costs) -> str:
    return f"{100 * costs.whole_core:.1f} % of a core, {costs.whole_memory_mb:.0f} MB"
