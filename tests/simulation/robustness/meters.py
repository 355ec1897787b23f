"""Reads from /proc what processes have used, so that the measured processes need not answer."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tests.simulation.robustness.history import now

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_PAGE_MIB = os.sysconf("SC_PAGE_SIZE") / 2**20
_USER_TICKS, _SYSTEM_TICKS, _RESIDENT_PAGES = 11, 12, 21
"""Positions in /proc/PID/stat, after the name in brackets."""


@dataclass(frozen=True, slots=True)
class Reading:
    """Figures of some processes together."""

    at_s: float
    pids: frozenset[int]
    cpu_s: float
    """CPU time of all their threads since they started."""
    rss_mib: float


def read_meters(pids: Iterable[int]) -> Reading:
    """Read the meters, without those of processes that have ended."""
    stats = {pid: stat for pid in pids if (stat := _stat(pid))}
    ticks = sum(int(stat[_USER_TICKS]) + int(stat[_SYSTEM_TICKS]) for stat in stats.values())
    pages = sum(int(stat[_RESIDENT_PAGES]) for stat in stats.values())
    return Reading(now(), frozenset(stats), ticks / _TICKS_PER_S, pages * _PAGE_MIB)


def _stat(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def cpu_share(first: Reading, last: Reading) -> float:
    """Return how many cores were busy between two readings of the same processes."""
    return (last.cpu_s - first.cpu_s) / (last.at_s - first.at_s)
