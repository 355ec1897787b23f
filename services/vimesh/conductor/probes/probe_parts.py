"""Builds what has monitors probe."""

from __future__ import annotations

import time
from dataclasses import dataclass

from vimesh.conductor.pool.pool_upkeep import PoolUpkeep
from vimesh.conductor.probes.asked_monitors import AskedMonitors
from vimesh.conductor.probes.confirm_failures import FailureConfirmation
from vimesh.conductor.probes.probe_streams import ProbeStreams
from vimesh.conductor.probes.vim_probes import ProbeLimits, VimProbes
from vimesh.domain.vim_store import VimStore


@dataclass(frozen=True, slots=True)
class ProbeParts:
    monitors: AskedMonitors
    streams: ProbeStreams
    confirmation: FailureConfirmation
    vims: VimProbes


def probe_parts(store: VimStore, upkeep: PoolUpkeep, limits: ProbeLimits) -> ProbeParts:
    monitors = AskedMonitors()
    return ProbeParts(
        monitors,
        ProbeStreams(store.pool, upkeep, monitors, time.monotonic),
        FailureConfirmation(store, upkeep, monitors, time.monotonic),
        VimProbes(store, upkeep, monitors, limits, time.monotonic),
    )
