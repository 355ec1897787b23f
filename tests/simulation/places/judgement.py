"""Judges what was seen of a script. It has no input and no output."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from statistics import quantiles

from tests.simulation.places.faults import Script
from tests.simulation.places.landscape import FALL, Site, timeout_of
from tests.simulation.places.play import Observation

SECOND_OPINION_S = 1.0
"""The longest time for which bad news may wait for another monitor."""
LEAST_NAMED = 0.95


def bound_s(interval_s: float, slack_s: float) -> float:
    """Return how long it may take until a VIM that is lost is on record as that: a round, and a second opinion."""
    return interval_s + FALL * timeout_of(interval_s) + SECOND_OPINION_S + slack_s


def is_rightly_named(script: Script, seen: Observation) -> bool:
    """Return whether each fault was named, once, and nothing else was."""
    return sorted(seen.names) == sorted(fault.name for fault in script if fault.name is not None)


def wrongs(script: Script, seen: Observation, sites: Mapping[str, Site], limit_s: float) -> list[str]:
    """Return what was wrong, but for the names of causes, of which some may be wrong."""
    wrong = []
    if seen.missed:
        wrong.append(f"{len(seen.missed)} lost VIMs were never called UNREACHABLE, such as {_one(seen.missed, sites)}")
    late = {
        vim_id
        for vim_id, delay_s in seen.delays_s.items()
        if delay_s > limit_s + max((fault.late_s for fault in script if fault.is_lost(sites[vim_id])), default=0.0)
    }
    if late:
        wrong.append(f"{len(late)} lost VIMs were called UNREACHABLE too late, such as {_one(late, sites)}")
    if seen.accused:
        wrong.append(f"{len(seen.accused)} VIMs were accused that work, such as {_one(seen.accused, sites)}")
    if seen.doubted and not any(fault.is_ours for fault in script):
        reasons = ", ".join(sorted(set(seen.doubted.values())))
        wrong.append(f"{len(seen.doubted)} VIMs were in doubt ({reasons}), such as {_one(seen.doubted, sites)}")
    if seen.problems > len(script) + 1:
        wrong.append(f"{seen.problems} notifications of {len(script)} faults")
    if untold := set(seen.delays_s) - seen.told:
        wrong.append(f"nobody was told of {len(untold)} lost VIMs, such as {_one(untold, sites)}")
    return wrong


def percentiles(values: Sequence[float]) -> str:
    """Return the half, 95 and 99 of 100, and the longest of some times in seconds, as text."""
    if len(values) < 2:
        return ", ".join(f"{value * 1000:.0f} ms" for value in values) or "none"
    hundredths = quantiles(values, n=100, method="inclusive")
    shown = {"p50": hundredths[49], "p95": hundredths[94], "p99": hundredths[98], "longest": max(values)}
    return f"{len(values)}: " + ", ".join(f"{name} {value * 1000:.0f} ms" for name, value in shown.items())


def _one(vim_ids: Iterable[str], sites: Mapping[str, Site]) -> str:
    return min(f"{sites[vim_id].auth_url} of {sites[vim_id].vantage}" for vim_id in vim_ids)
