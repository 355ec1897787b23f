"""Collects what the store of a conductor counts, and what was last read of the database."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.metrics_core import Metric

from vimesh.conductor.conductor_service import ReportsServicer
from vimesh.conductor.metrics.database_reading import DatabaseReading
from vimesh.domain.errors import Quota
from vimesh.domain.fleet.store_statistics import StoreStatistics
from vimesh.metrics import families


class StoreCollector:
    def __init__(self, statistics: StoreStatistics, reports: ReportsServicer, reading: DatabaseReading) -> None:
        self._statistics = statistics
        self._reports = reports
        self._reading = reading

    def collect(self) -> Iterator[Metric]:
        yield from self._answered()
        yield from self._bulk()
        yield from self._transactions()
        yield from self._database()

    def _answered(self) -> Iterator[Metric]:
        reports = self._statistics.reports
        outcomes = {
            ("changed",): reports.changed,
            ("confirmed",): reports.confirmed,
            ("late",): reports.late,
            ("bad_action",): reports.bad_action,
            ("invalid",): self._reports.invalid,
        }
        yield families.counter("vimesh_reports_total", outcomes)
        yield families.histogram("vimesh_detection_delay_seconds", reports.detection_delays_s)
        yield families.histogram("vimesh_contact_lag_seconds", reports.contact_lags_s)
        yield families.histogram("vimesh_store_group_reports", reports.group_sizes)

    def _bulk(self) -> Iterator[Metric]:
        bulk = self._statistics.bulk
        changes = {
            (kind, outcome): 0 for kind in ("modify", "deregister", "apply") for outcome in ("changed", "refused")
        }
        yield families.counter("vimesh_bulk_changes_total", {**changes, **bulk.bulk_changes.copy()})
        yield families.histogram("vimesh_availability_query_seconds", bulk.availability_s)
        digests = {(outcome,): bulk.digests[outcome] for outcome in ("recorded", "refused")}
        yield families.counter("vimesh_history_digests_total", digests)
        events = {(kind,): bulk.announcements[kind] for kind in ("started", "ended")}
        yield families.counter("vimesh_maintenance_announcements_total", events)

    def _transactions(self) -> Iterator[Metric]:
        statistics = self._statistics
        yield families.counter("vimesh_store_commits_total", statistics.commits)
        yield families.histogram("vimesh_store_commit_seconds", statistics.queues["write"].durations_s)
        queues = {(kind,): queue for kind, queue in statistics.queues.items()}
        yield families.gauge("vimesh_store_queue_length", {labels: queue.waiting for labels, queue in queues.items()})
        yield families.histogram("vimesh_store_wait_seconds", {labels: each.waits_s for labels, each in queues.items()})
        yield families.counter(
            "vimesh_store_errors_total", {(kind,): count for kind, count in statistics.errors.copy().items()}
        )
        refusals = {(quota.lower(),): statistics.quota_refusals[quota] for quota in Quota}
        yield families.counter("vimesh_quota_refusals_total", refusals)

    def _database(self) -> Iterator[Metric]:
        gauges = self._reading.newest
        if gauges is None:
            return
        yield families.gauge("vimesh_store_info", {(gauges.dialect, gauges.version): 1})
        yield families.gauge("vimesh_vims", {(status,): count for status, count in gauges.vims.items()})
        yield families.gauge("vimesh_todos", {(state,): count for state, count in gauges.todos.items()})
        yield families.gauge("vimesh_receivers", {(state,): count for state, count in gauges.receivers.items()})
        yield families.gauge("vimesh_maintenance_windows", gauges.maintenance_windows)
        yield families.gauge("vimesh_causes_open", {(kind,): count for kind, count in gauges.causes.items()})
        yield families.gauge("vimesh_todo_oldest_age_seconds", gauges.oldest_todo_s)
