"""The metrics of a notifier."""

from __future__ import annotations

from typing import Final

from vimesh.metrics.catalogue.metric_entry import Component, MetricEntry, MetricKind

_NOTIFIER: Final = frozenset({Component.NOTIFIER})

NOTIFIER_METRICS: Final = (
    MetricEntry(
        "vimesh_notifier_receivers",
        MetricKind.GAUGE,
        "Receivers that the notifier works for; each receiver has one notifier at a time.",
        components=_NOTIFIER,
    ),
    MetricEntry(
        "vimesh_notifier_receivers_failing",
        MetricKind.GAUGE,
        "Those of them whose last try to notify them failed.",
        components=_NOTIFIER,
    ),
    MetricEntry(
        "vimesh_notifier_failing_seconds",
        MetricKind.GAUGE,
        "For how long the receiver has failed that has failed for longest; 0 if none does.",
        components=_NOTIFIER,
    ),
    MetricEntry(
        "vimesh_notifier_pending_changes",
        MetricKind.GAUGE,
        "Changes that receivers have yet to be notified of, those included that wait for others of their group.",
        components=_NOTIFIER,
    ),
    MetricEntry(
        "vimesh_notifications_total",
        MetricKind.COUNTER,
        "Tries to notify a receiver, by kind: CHANGES, REMINDER or TEST; and by outcome: delivered, delayed if it is "
        "tried again, dead if it was given up, gone if the receiver wants no more.",
        labels=("kind", "outcome"),
        components=_NOTIFIER,
    ),
    MetricEntry(
        "vimesh_notification_seconds",
        MetricKind.HISTOGRAM,
        "Time from the oldest change in a notification to its delivery, the waits of its group included.",
        components=_NOTIFIER,
    ),
    MetricEntry(
        "vimesh_notification_retries_total",
        MetricKind.COUNTER,
        "Tries to deliver what was not delivered before.",
        components=_NOTIFIER,
    ),
    MetricEntry(
        "vimesh_notifier_missed_changes_total",
        MetricKind.COUNTER,
        "Times that changes had left the log before they were read. Receivers are then notified of what is true now.",
        components=_NOTIFIER,
    ),
    MetricEntry(
        "vimesh_notifier_claims_lost_total",
        MetricKind.COUNTER,
        "Times that another notifier had taken over a receiver before this one knew.",
        components=_NOTIFIER,
    ),
)
