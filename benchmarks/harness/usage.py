"""Measures the cost of processes, as the kernel counts it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from pathlib import Path

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def tree(pid: int) -> list[int]:
    """Return a process and all its living descendants."""
    try:
        threads = list(Path(f"/proc/{pid}/task").iterdir())
        forked = [int(child) for thread in threads for child in (thread / "children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []
    return [pid, *(descendant for child in forked for descendant in tree(child))]


def cpu_s(pid: int) -> float:
    """Return the CPU seconds, user and system, of a process, its descendants, and those of them that have ended.

    The kernel counts in steps of 10 ms: measure for seconds.
    """
    return sum(_own_cpu_s(member) for member in tree(pid))


def pss_bytes(pid: int) -> int:
    """Return the memory of a process and its descendants; shared memory is counted once."""
    return sum(_pss_bytes(member) for member in tree(pid))


def rss_bytes(pid: int) -> int:
    """Return the memory of one process, including memory that it shares with others."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE_BYTES


class CpuMeter:
    """CPU of some processes since this was created."""

    def __init__(self, pids: Iterable[int]) -> None:
        self._before = {pid: cpu_s(pid) for pid in pids}
        self._begun = time.perf_counter()

    @property
    def elapsed_s(self) -> float:
        return time.perf_counter() - self._begun

    def spent_s(self, pid: int) -> float:
        return cpu_s(pid) - self._before[pid]

    def share(self, pid: int) -> float:
        """Return the share of one core that a process used: 1.0 is all of it."""
        return self.spent_s(pid) / self.elapsed_s


def _own_cpu_s(pid: int) -> float:
    try:
        times = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    # utime, stime, and both of the children that were waited for
    return sum(int(ticks) for ticks in times[11:15]) / _TICKS_PER_S


def _pss_bytes(pid: int) -> int:
    try:
        rows = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return sum(int(row.split()[1]) * 1024 for row in rows if row.startswith("Pss:"))
