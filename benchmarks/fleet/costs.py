"""Measures the cost of the processes of a fleet: CPU over a window, memory at its end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Never

from benchmarks.fleet.site import Site
from benchmarks.harness.failure import NotMeasured
from benchmarks.harness.usage import CpuMeter, pss_bytes, rss_bytes

PARTS = ("envoy", "conductor-1", "conductor-2", "api", "monitor", "notifier", "up")
_MEGA = 1_000_000
_SAMPLE_S = 5.0


@dataclass(frozen=True, slots=True)
class Costs:
    core: Mapping[str, float]
    """Share of one core that each process used; 1.0 is all of it."""
    memory_mb: Mapping[str, float]
    """Memory of each process; shared memory is divided among the processes."""
    monitor_rss_mb: float

    @property
    def whole_core(self) -> float:
        return sum(self.core.values())

    @property
    def whole_memory_mb(self) -> float:
        return sum(self.memory_mb.values())


class Window:
    """Everything that a fleet spends from the time when this was created."""

    def __init__(self, site: Site) -> None:
        """Raises NotMeasured unless all processes run."""
        self._site = site
        self._pids = site.pids()
        if set(self._pids) != set(PARTS):
            raise NotMeasured(f"these processes run: {', '.join(self._pids)}")
        self._meter = CpuMeter(self._pids.values())

    def costs(self) -> Costs:
        """Return the costs so far. Raises NotMeasured if a process was restarted in the meantime."""
        if self._site.pids() != self._pids:
            raise NotMeasured("a process of the fleet died")
        meter, pids = self._meter, self._pids
        core = self._without_children({name: meter.share(pid) for name, pid in pids.items()})
        memory = self._without_children({name: pss_bytes(pid) / _MEGA for name, pid in pids.items()})
        return Costs(core, memory, rss_bytes(pids["monitor"]) / _MEGA)

    def cpu_s(self) -> float:
        """Return the CPU seconds of all of them together."""
        return self._meter.spent_s(self._pids["up"])

    @staticmethod
    def _without_children(values: dict[str, float]) -> dict[str, float]:
        # All others are children of `up`, and were counted with it.
        others = sum(value for name, value in values.items() if name != "up")
        return values | {"up": max(0.0, values["up"] - others)}


async def costs_of(site: Site, window_s: float) -> Costs:
    """Measure for a while."""
    window = Window(site)
    await asyncio.sleep(window_s)
    return window.costs()


class Trace:
    """CPU of each process over time, in steps of some seconds."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self.lines: dict[str, list[tuple[float, float]]] = {name: [] for name in PARTS}
        """Percent of one core, by the seconds since the fleet was started."""

    async def run(self) -> Never:
        """Sample until cancelled."""
        while True:
            costs = await costs_of(self._site, _SAMPLE_S)
            at_s = round(time.time() - self._site.started_at, 1)
            for name, share in costs.core.items():
                self.lines[name].append((at_s, round(100 * share, 2)))
