"""The metrics of what calls the front."""

from __future__ import annotations

from typing import Final

from vimesh.metrics.catalogue.metric_entry import Component, MetricEntry, MetricKind

CLIENT_METRICS: Final = (
    MetricEntry(
        "vimesh_front_connected",
        MetricKind.GAUGE,
        "1 if the process can reach the front, else 0: for monitors and bridges whether their watch of actions stands, "
        "for api processes and consoles whether they have a connection, for notifiers whether they can claim "
        "receivers.",
        components=frozenset(
            {*(Component.MONITOR, Component.API, Component.BRIDGE, Component.NOTIFIER, Component.CONSOLE)}
        ),
    ),
)
