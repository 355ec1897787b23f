"""python -m tests.simulation.places: what a fleet says when routers, zones, proxies, monitors and vantages fail."""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path
from random import Random

from tests.simulation.places.faults import monitor, scripts
from tests.simulation.places.judgement import LEAST_NAMED, bound_s, is_rightly_named, percentiles, wrongs
from tests.simulation.places.landscape import flat_landscape, mixed_landscape
from tests.simulation.places.outages import Outages, play_outages
from tests.simulation.places.play import Patience, observe
from tests.simulation.places.world import WorldSettings, running_world
from tests.support.processes.files_in_memory import keep_files_in_memory


def _say(text: str) -> None:
    print(text, flush=True)


async def _run_faults(given: argparse.Namespace, folder: Path) -> bool:
    chosen = {name: script for name, script in scripts().items() if not given.only or given.only in name}
    settings = WorldSettings(
        mixed_landscape(given.per_prefix, given.per_zone), given.interval, given.group_wait, folder
    )
    limit_s = bound_s(given.interval, given.slack)
    named, count, delays_s, opinion_delays_s = 0, 0, list[float](), list[float]()
    async with running_world(settings) as world:
        _say(f"{len(world.sites)} VIMs, {len(chosen)} scripts")
        for name, script in chosen.items():
            began = time.monotonic()
            seen = await observe(world, script, Patience())
            wrong = wrongs(script, seen, world.sites, limit_s)
            is_right = is_rightly_named(script, seen)
            named += is_right
            count += len(wrong)
            delays_s += seen.delays_s.values()
            opinion_delays_s += seen.opinion_delays_s
            as_named = "named" if is_right else f"NOT NAMED, but {seen.names}"
            _say(
                f"{name}: {as_named}; {len(seen.delays_s)} lost after {max(seen.delays_s.values(), default=0):.1f} s, "
                f"{len(seen.doubted)} in doubt, {seen.problems} notifications, {time.monotonic() - began:.0f} s"
            )
            for each in wrong:
                _say(f"  WRONG: {each}")
    _say(f"named rightly: {named} of {len(chosen)}; wrong: {count}")
    _say(f"from the fault to the record: {percentiles(delays_s)}")
    _say(f"from the verdict to the record: {percentiles(opinion_delays_s)}")
    return count == 0 and named >= LEAST_NAMED * len(chosen)


async def _run_uplink(given: argparse.Namespace, folder: Path) -> bool:
    """Drop what one of two monitors without references sends to its VIMs, all of which work."""
    count = given.vims or 500
    patience = Patience(60.0 + 6 * given.interval, 60.0 + 6 * given.interval, 120.0 + 6 * given.interval)
    settings = WorldSettings(
        flat_landscape(count), given.interval, given.group_wait, folder, ("n1", "n2"), 60.0 + count / 20
    )
    async with running_world(settings) as world:
        script = (monitor("n1"),)
        seen = await observe(world, script, patience)
    _say(
        f"{count} VIMs, of which {len(seen.doubted)} were UNKNOWN, the last after {seen.noticed_s:.1f} s, and "
        f"REACHABLE again {seen.back_s:.1f} s after the uplink; called UNREACHABLE: {len(seen.accused)}; "
        f"causes: {seen.names}, notifications: {seen.problems}"
    )
    return not seen.accused and bool(seen.doubted) and is_rightly_named(script, seen) and seen.problems == 1


async def _run_outages(given: argparse.Namespace, folder: Path) -> bool:
    sites = mixed_landscape(given.per_prefix, given.per_zone)
    settings = WorldSettings(sites, given.interval, given.group_wait, folder)
    async with running_world(settings) as world:
        outages = Outages(given.outages, given.every, 2 * bound_s(given.interval, given.slack))
        delays = await play_outages(world, outages, Random(given.seed))
    for what, delays_s in (("fault", delays.from_fault_s), ("verdict", delays.from_verdict_s)):
        for kind, of_kind in delays_s.items():
            _say(f"{kind}, from the {what} to the record: {percentiles(of_kind)}")
        _say(f"all, from the {what} to the record: {percentiles([each for of in delays_s.values() for each in of])}")
    _say(f"not noticed: {delays.unnoticed}, accused without an outage: {delays.accused}")
    return not delays.unnoticed and not delays.accused


_SCENARIOS = {"faults": _run_faults, "uplink": _run_uplink, "outages": _run_outages}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.places", description=__doc__)
    parser.add_argument("--scenario", choices=_SCENARIOS, default="faults")
    parser.add_argument("--only", default="", help="scripts whose name contains this text")
    parser.add_argument("--per-prefix", type=int, default=18, help="VIMs in each of nine prefixes")
    parser.add_argument("--per-zone", type=int, default=20, help="VIMs in each of four zones")
    parser.add_argument("--interval", type=float, default=1.0, help="of the probes of each VIM, in seconds")
    parser.add_argument("--group-wait", type=float, default=12.0, help="of notifications, in whole seconds")
    parser.add_argument("--slack", type=float, default=1.0, help="seconds that a busy machine may add to each outage")
    parser.add_argument("--vims", type=int, help="while an uplink is cut; 500 by default")
    parser.add_argument("--outages", type=int, default=200, help="of single VIMs, one after the other")
    parser.add_argument("--every", type=float, default=0.3, help="seconds from one outage to the next, on average")
    parser.add_argument("--seed", type=int, default=1, help="of the order of the outages")
    given = parser.parse_args()
    began = time.monotonic()
    keep_files_in_memory()
    with tempfile.TemporaryDirectory() as name:
        is_well = asyncio.run(_SCENARIOS[given.scenario](given, Path(name)))
    _say(f"{time.monotonic() - began:.0f} s")
    return 0 if is_well else 1


if __name__ == "__main__":
    sys.exit(main())
