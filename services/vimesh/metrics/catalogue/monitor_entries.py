"""The metrics of a monitor."""

from __future__ import annotations

from typing import Final

from vimesh.metrics.catalogue.metric_entry import Component, MetricEntry, MetricKind

_MONITOR: Final = frozenset({Component.MONITOR})

MONITOR_METRICS: Final = (
    MetricEntry("vimesh_monitor_actions", MetricKind.GAUGE, "Ping actions that the monitor runs.", components=_MONITOR),
    MetricEntry(
        "vimesh_monitor_targets",
        MetricKind.GAUGE,
        "Targets that the monitor probes. Actions that want the same probes share a target.",
        components=_MONITOR,
    ),
    MetricEntry(
        "vimesh_vims_quarantined",
        MetricKind.GAUGE,
        "Targets that are probed rarely, because their answers blocked the monitor.",
        components=_MONITOR,
    ),
    MetricEntry(
        "vimesh_monitor_local_health",
        MetricKind.GAUGE,
        "Factor by which the monitor waits longer for answers, because its own loop is late: 1 while it is healthy, at "
        "most 8.",
        components=_MONITOR,
    ),
    MetricEntry(
        "vimesh_reference_up",
        MetricKind.GAUGE,
        "Whether the reference has answered within the last three seconds.",
        labels=("reference",),
        components=_MONITOR,
        condition="with references",
    ),
    MetricEntry(
        "vimesh_references_failing",
        MetricKind.GAUGE,
        "Whether no reference answers: the monitor then calls no VIM UNREACHABLE.",
        components=_MONITOR,
        condition="with references",
    ),
    MetricEntry(
        "vimesh_probe_rounds_total",
        MetricKind.COUNTER,
        "Rounds of probes begun. A round ends with a verdict on its target, most often the former one.",
        components=_MONITOR,
    ),
    MetricEntry(
        "vimesh_probes_total",
        MetricKind.COUNTER,
        "Probes begun, including those that failed for lack of an address or by a local fault.",
        labels=("method",),
        components=_MONITOR,
    ),
    MetricEntry(
        "vimesh_probe_failures_total",
        MetricKind.COUNTER,
        "Probes that failed, by the reason that a verdict would give; HTTP_ERROR stands for HTTP statuses of 500 and "
        "more. Reasons that begin with LOCAL_ are faults of the monitor and its machine, and also count rounds that "
        "were given up.",
        labels=("method", "reason"),
        components=_MONITOR,
        condition="after the first failure",
    ),
    MetricEntry(
        "vimesh_probe_round_trip_seconds",
        MetricKind.HISTOGRAM,
        "Time from a probe to its answer. Of VIMs that answer pings steadily it is a sample: one for each batch of "
        "answers that is read at once.",
        labels=("method",),
        components=_MONITOR,
    ),
    MetricEntry(
        "vimesh_verdicts_total",
        MetricKind.COUNTER,
        "Verdicts that differ from the former one of their action, and first ones.",
        labels=("status",),
        components=_MONITOR,
    ),
    MetricEntry(
        "vimesh_report_batches_total",
        MetricKind.COUNTER,
        "Calls that report, by result: ok, a gRPC status in lower case, unwritable, or bad_answer.",
        labels=("result",),
        components=_MONITOR,
    ),
    MetricEntry("vimesh_reports_queued", MetricKind.GAUGE, "Reports that wait to be sent.", components=_MONITOR),
    MetricEntry(
        "vimesh_report_oldest_age_seconds",
        MetricKind.GAUGE,
        "How long the oldest of the queued reports has waited; 0 if none waits.",
        components=_MONITOR,
    ),
    MetricEntry(
        "vimesh_bad_actions_total",
        MetricKind.COUNTER,
        "Reports answered with bad_action: their actions were no longer wanted, and ended.",
        components=_MONITOR,
    ),
    MetricEntry(
        "vimesh_lookups_total",
        MetricKind.COUNTER,
        "Names asked for at name servers, by result: addresses, no_such_name or failed.",
        labels=("result",),
        components=_MONITOR,
    ),
)
