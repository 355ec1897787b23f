"""The metrics of a monitor."""

from __future__ import annotations

from typing import Final

from vimesh.metrics.catalogue.metric_entry import MetricEntry

MONITOR_METRICS: Final[tuple[MetricEntry, ...]] = ()
