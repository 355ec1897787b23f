"""The metrics of a conductor."""

from __future__ import annotations

from typing import Final

from vimesh.metrics.catalogue.metric_entry import Component, MetricEntry, MetricKind

_CONDUCTOR: Final = frozenset({Component.CONDUCTOR})

CONDUCTOR_METRICS: Final = (
    MetricEntry(
        "vimesh_contact_within_seconds",
        MetricKind.GAUGE,
        "Time within which ping actions are asked to make contact again.",
        components=_CONDUCTOR,
    ),
)
