"""The metrics of an api process."""

from __future__ import annotations

from typing import Final

from vimesh.metrics.catalogue.metric_entry import MetricEntry

API_METRICS: Final[tuple[MetricEntry, ...]] = ()
