"""Collects what the parts of a monitor count."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeVar

from prometheus_client.metrics_core import Metric

from vimesh.metrics import families
from vimesh.monitor.host.action_host import ActionHost
from vimesh.monitor.loop_guard.quarantine import Quarantine
from vimesh.monitor.reporting.report_ledger import ReportLedger
from vimesh.monitor.scheduling.stall_clock import Clock
from vimesh.monitor.statistics.probe_statistics import ProbeStatistics
from vimesh.rpc.action_watch import ActionWatch

Label = TypeVar("Label", bound=str)


class MonitorCollector:
    def __init__(
        self, host: ActionHost, ledger: ReportLedger, action_watch: ActionWatch, quarantine: Quarantine, *, clock: Clock
    ) -> None:
        """`clock`: the one by which the ledger is told the time."""
        self._host = host
        self._ledger = ledger
        self._action_watch = action_watch
        self._quarantine = quarantine
        self._clock = clock

    def collect(self) -> Iterator[Metric]:
        yield families.gauge("vimesh_front_connected", int(self._action_watch.is_connected))
        yield families.gauge("vimesh_monitor_actions", len(self._host))
        yield families.gauge("vimesh_monitor_targets", self._host.targets)
        yield families.gauge("vimesh_vims_quarantined", len(self._quarantine.aside))
        yield families.gauge("vimesh_monitor_local_health", self._host.local_health)
        yield from self._references()
        yield from _probes(self._host.statistics)
        yield from self._reports()

    def _references(self) -> Iterator[Metric]:
        if (probes := self._host.references) is None:
            return
        up = {(one.address.text,): int(one.is_up) for one in probes.references if one.is_up is not None}
        yield families.gauge("vimesh_reference_up", up)
        yield families.gauge("vimesh_references_failing", int(probes.uplink.is_failing))

    def _reports(self) -> Iterator[Metric]:
        counted, waits_since = self._ledger.statistics, self._ledger.oldest_waits_since()
        yield families.counter("vimesh_verdicts_total", _by_label(counted.verdicts))
        yield families.counter("vimesh_report_batches_total", _by_label(counted.batches))
        yield families.counter("vimesh_bad_actions_total", counted.bad_actions)
        yield families.gauge("vimesh_reports_queued", self._ledger.queued)
        age_s = 0.0 if waits_since is None else max(0.0, self._clock() - waits_since)
        yield families.gauge("vimesh_report_oldest_age_seconds", age_s)


def _probes(counted: ProbeStatistics) -> Iterator[Metric]:
    methods = {method.value: of_method for method, of_method in counted.by_method.items()}
    yield families.counter("vimesh_probe_rounds_total", counted.rounds)
    yield families.counter("vimesh_probes_total", {(name,): each.probes for name, each in methods.items()})
    yield families.counter(
        "vimesh_probe_failures_total",
        {(name, reason): count for name, each in methods.items() for reason, count in each.failures.copy().items()},
    )
    yield families.histogram(
        "vimesh_probe_round_trip_seconds", {(name,): each.round_trips for name, each in methods.items()}
    )
    yield families.counter("vimesh_lookups_total", _by_label(counted.lookups))


def _by_label(counts: Mapping[Label, int]) -> dict[tuple[str], int]:
    # Copied at once: the loop's thread may add to it meanwhile.
    return {(str(label),): count for label, count in dict(counts).items()}
