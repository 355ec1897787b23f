"""The metrics that every process has."""

from __future__ import annotations

from typing import Final

from vimesh.metrics.catalogue.metric_entry import Component, MetricEntry, MetricKind

PROCESS_METRICS: Final = (
    MetricEntry(
        "vimesh_build_info", MetricKind.GAUGE, "What runs here; always 1.", labels=("version", "component", "python")
    ),
    MetricEntry(
        "vimesh_loop_lag_seconds", MetricKind.HISTOGRAM, "How late a timer of the event loop was; sampled every 0.5 s."
    ),
    MetricEntry(
        "vimesh_certificate_not_after_seconds",
        MetricKind.GAUGE,
        "Unix time at which the certificates in a file of the process's credentials end: the first of them.",
        labels=("file",),
        condition="with --credentials",
    ),
    # prometheus-client makes these, and says the same.
    MetricEntry("process_virtual_memory_bytes", MetricKind.GAUGE, "Virtual memory size in bytes."),
    MetricEntry("process_resident_memory_bytes", MetricKind.GAUGE, "Resident memory size in bytes."),
    MetricEntry(
        "process_start_time_seconds", MetricKind.GAUGE, "Start time of the process since unix epoch in seconds."
    ),
    MetricEntry("process_cpu_seconds_total", MetricKind.COUNTER, "Total user and system CPU time spent in seconds."),
    MetricEntry("process_open_fds", MetricKind.GAUGE, "Number of open file descriptors."),
    MetricEntry("process_max_fds", MetricKind.GAUGE, "Maximum number of open file descriptors."),
    MetricEntry(
        "python_info",
        MetricKind.GAUGE,
        "Python platform information",
        labels=("version", "implementation", "major", "minor", "patchlevel"),
    ),
    MetricEntry(
        "python_gc_objects_collected_total", MetricKind.COUNTER, "Objects collected during gc", labels=("generation",)
    ),
    MetricEntry(
        "python_gc_objects_uncollectable_total",
        MetricKind.COUNTER,
        "Uncollectable objects found during GC",
        labels=("generation",),
    ),
    MetricEntry(
        "python_gc_collections_total",
        MetricKind.COUNTER,
        "Number of times this generation was collected",
        labels=("generation",),
    ),
)

UP_METRICS: Final = (
    MetricEntry(
        "vimesh_process_up",
        MetricKind.GAUGE,
        "Whether a process of the fleet answered with its metrics.",
        labels=("process",),
        components=frozenset({Component.UP}),
    ),
)
