"""The metrics of a bridge."""

from __future__ import annotations

from typing import Final

from vimesh.metrics.catalogue.metric_entry import MetricEntry

BRIDGE_METRICS: Final[tuple[MetricEntry, ...]] = ()
