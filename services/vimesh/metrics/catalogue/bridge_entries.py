"""The metrics of a bridge."""

from __future__ import annotations

from typing import Final

from vimesh.metrics.catalogue.metric_entry import Component, MetricEntry, MetricKind

_BRIDGE: Final = frozenset({Component.BRIDGE})

BRIDGE_METRICS: Final = (
    MetricEntry(
        "vimesh_amqp_connected",
        MetricKind.GAUGE,
        "1 if the bridge is connected to RabbitMQ, else 0.",
        components=_BRIDGE,
    ),
    MetricEntry(
        "vimesh_amqp_unanswered",
        MetricKind.GAUGE,
        "Calls that the bridge has received and not yet answered, those included whose answers it holds back.",
        components=_BRIDGE,
    ),
    MetricEntry(
        "vimesh_amqp_calls_total",
        MetricKind.COUNTER,
        "Messages in the queue of calls, by outcome: recorded and held for reports on record, bad_action, killed, "
        "not_wanted, refused for calls that break a rule, no_conductor, late if the caller's time was over, defect, "
        "and malformed for what is no call.",
        labels=("outcome",),
        components=_BRIDGE,
    ),
    MetricEntry(
        "vimesh_amqp_call_seconds",
        MetricKind.HISTOGRAM,
        "Time from a call's arrival until its outcome, the time included for which its answer is held back.",
        components=_BRIDGE,
    ),
    MetricEntry(
        "vimesh_amqp_kills_total",
        MetricKind.COUNTER,
        "Attempts to kill actions that are not wanted, by result: sent, no_action if none has its queue open, denied "
        "by the broker, or no_broker.",
        labels=("result",),
        components=_BRIDGE,
    ),
)
