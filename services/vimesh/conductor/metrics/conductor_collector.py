"""Collects what the parts of a conductor count."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

from prometheus_client.metrics_core import Metric

from vimesh.conductor.conductor_service import ReportsServicer
from vimesh.conductor.pool.pool_upkeep import PoolUpkeep
from vimesh.conductor.ports.vitals import Vitals
from vimesh.conductor.probes.confirmation_statistics import ConfirmationStatistics, OpinionCounts
from vimesh.conductor.reports.contact_pace import ContactPace
from vimesh.conductor.upkeep.lease_sweep import LeaseSweep
from vimesh.conductor.watches.watch_streams import WatchStreams
from vimesh.metrics import families
from vimesh.rpc.admission.call_gate import CallAdmission
from vimesh.rpc.call_statistics import CallStatistics


@dataclass(frozen=True, slots=True)
class ConductorParts:
    """What is collected from: all of it counts in the thread of the loop."""

    calls: CallStatistics
    admission: CallAdmission
    reports: ReportsServicer
    pace: ContactPace
    sweep: LeaseSweep
    watches: WatchStreams
    vitals: Vitals
    pool: PoolUpkeep
    confirmations: ConfirmationStatistics


class ConductorCollector:
    def __init__(self, parts: ConductorParts) -> None:
        self._parts = parts

    def collect(self) -> Iterator[Metric]:
        yield from self._calls()
        yield from self._admission()
        yield families.gauge("vimesh_contact_within_seconds", self._parts.pace.contact_within_s)
        yield families.gauge("vimesh_store_up", self._parts.vitals.database_works)
        yield from self._sweeps()
        yield from self._watches()
        yield from self._pool()
        yield from self._confirmations()

    def _calls(self) -> Iterator[Metric]:
        methods = {_service_and_method(path): of for path, of in list(self._parts.calls.by_method.items())}
        handled = {(*method, code): count for method, of in methods.items() for code, count in of.codes.copy().items()}
        yield families.counter("grpc_server_handled_total", handled)
        # A stream has no duration that says anything: nothing is observed for it.
        durations = {method: of.seconds for method, of in methods.items() if any(of.seconds.counts)}
        yield families.histogram("grpc_server_handling_seconds", durations)

    def _admission(self) -> Iterator[Metric]:
        loads = self._parts.admission.loads
        yield families.gauge("vimesh_admission_calls", {(name,): load.calls for name, load in loads.items()})
        yield families.gauge("vimesh_admission_limit", {(name,): load.limit for name, load in loads.items()})
        refusals = {(str(priority.value),): each.count for priority, each in self._parts.admission.refusals.items()}
        yield families.counter("vimesh_admission_refusals_total", refusals)

    def _sweeps(self) -> Iterator[Metric]:
        sweeps = self._parts.sweep.statistics
        results = {("good",): sweeps.good, ("failed",): sweeps.failed}
        yield families.counter("vimesh_lease_sweeps_total", results)
        yield families.gauge("vimesh_lease_sweep_age_seconds", time.monotonic() - sweeps.good_at)
        yield families.counter("vimesh_leases_lapsed_total", sweeps.lapsed)
        yield families.counter("vimesh_actions_replaced_total", sweeps.replaced)

    def _watches(self) -> Iterator[Metric]:
        streams = {"vims": self._parts.watches.of_vims, "actions": self._parts.watches.of_actions}
        yield families.gauge("vimesh_watchers", {(kind,): each.open for kind, each in streams.items()})
        delivered = {(kind,): each.events for kind, each in streams.items()}
        yield families.counter("vimesh_watch_events_delivered_total", delivered)
        ended = {
            (reason,): sum(each.ended[reason] for each in streams.values())
            for reason in ("aged", "draining", "left", "failed")
        }
        yield families.counter("vimesh_watches_ended_total", ended)

    def _pool(self) -> Iterator[Metric]:
        pool = self._parts.pool
        yield families.gauge("vimesh_pool_monitors", {(vantage,): count for vantage, count in pool.sizes.items()})
        yield families.counter("vimesh_pool_divisions_total", pool.changes)
        yield families.counter("vimesh_pool_removals_total", pool.removed)

    def _confirmations(self) -> Iterator[Metric]:
        confirmations = self._parts.confirmations
        yield families.counter("vimesh_second_opinions_total", _by_outcome(confirmations.all))
        yield families.counter("vimesh_host_opinions_total", _by_outcome(confirmations.of_host))
        yield families.histogram("vimesh_second_opinion_delay_seconds", confirmations.delays_s)


def _by_outcome(counts: OpinionCounts) -> dict[tuple[str], int]:
    return {("confirmed",): counts.confirmed, ("denied",): counts.denied, ("unknown",): counts.unknown}


def _service_and_method(path: str) -> tuple[str, str]:
    service, _, method = path.removeprefix("/").partition("/")
    return service, method
