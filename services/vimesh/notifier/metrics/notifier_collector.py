"""Collects what a notifier counts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product
from typing import Final

from prometheus_client.metrics_core import Metric

from vimesh.domain.notifications.notifications import NotificationKind
from vimesh.metrics import families
from vimesh.notifier.notifier_statistics import NotifierStatistics

_OUTCOMES: Final = ("delivered", "delayed", "dead", "gone")
_COUNTED: Final = tuple(product(map(str, NotificationKind), _OUTCOMES))
"""All from the start: the first one that is given up would not show as an increase otherwise."""


class NotifierCollector:
    def __init__(self, statistics: NotifierStatistics, *, clock: Callable[[], float]) -> None:
        """`clock`: the one by which `failing_since` is dated, in seconds."""
        self._statistics = statistics
        self._clock = clock

    def collect(self) -> Iterator[Metric]:
        counted = self._statistics
        yield families.gauge("vimesh_front_connected", int(counted.is_connected))
        yield families.gauge("vimesh_notifier_receivers", counted.receivers)
        yield families.gauge("vimesh_notifier_pending_changes", counted.pending_changes)
        yield families.counter("vimesh_notifications_total", {pair: counted.notifications[pair] for pair in _COUNTED})
        yield families.histogram("vimesh_notification_seconds", counted.delivery_age)
        yield families.counter("vimesh_notification_retries_total", counted.retries)
        yield families.counter("vimesh_notifier_missed_changes_total", counted.missed_changes)
        yield families.counter("vimesh_notifier_claims_lost_total", counted.claims_lost)
        # Copied at once: the loop's thread may change it meanwhile.
        failing_since = list(counted.failing_since.values())
        yield families.gauge("vimesh_notifier_receivers_failing", len(failing_since))
        failing_s = max(0.0, self._clock() - min(failing_since)) if failing_since else 0.0
        yield families.gauge("vimesh_notifier_failing_seconds", failing_s)
