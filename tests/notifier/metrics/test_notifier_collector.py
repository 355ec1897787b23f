"""What Prometheus reads of a notifier is what it counted."""

from __future__ import annotations

from prometheus_client import CollectorRegistry

from vimesh.metrics.catalogue.metric_entry import Component
from vimesh.metrics.catalogue.process_entries import PROCESS_METRICS
from vimesh.metrics.metric_catalogue import entries_of
from vimesh.notifier.metrics.notifier_collector import NotifierCollector
from vimesh.notifier.notifier_statistics import NotifierStatistics


def registry_of(statistics: NotifierStatistics, now_s: float = 0.0) -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(NotifierCollector(statistics, clock=lambda: now_s))
    return registry


def test_a_notifier_has_what_the_catalogue_lists_of_its_own() -> None:
    collected = {
        f"{metric.name}_total" if metric.type == "counter" else metric.name
        for metric in registry_of(NotifierStatistics()).collect()
    }

    assert collected == {entry.name for entry in entries_of(Component.NOTIFIER) if entry not in PROCESS_METRICS}


def test_each_outcome_is_there_before_it_happens() -> None:
    statistics = NotifierStatistics()
    registry, labels = registry_of(statistics), {"kind": "CHANGES", "outcome": "dead"}

    before = registry.get_sample_value("vimesh_notifications_total", labels)
    statistics.notifications["CHANGES", "dead"] += 1

    assert (before, registry.get_sample_value("vimesh_notifications_total", labels)) == (0, 1)


def test_the_longest_failure_counts() -> None:
    statistics = NotifierStatistics(receivers=3, pending_changes=7)
    registry = registry_of(statistics, now_s=1000.0)
    healthy = registry.get_sample_value("vimesh_notifier_failing_seconds")
    statistics.failing_since |= {"a": 990.0, "b": 400.0}
    statistics.delivery_age.observe(2.0)

    assert healthy == 0
    assert registry.get_sample_value("vimesh_notifier_failing_seconds") == 600
    assert registry.get_sample_value("vimesh_notifier_receivers_failing") == 2
    assert registry.get_sample_value("vimesh_notifier_receivers") == 3
    assert registry.get_sample_value("vimesh_notifier_pending_changes") == 7
    assert registry.get_sample_value("vimesh_notification_seconds_sum") == 2
