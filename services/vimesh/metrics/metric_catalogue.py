"""Lists every metric once. Collectors can only make what is listed, and the page in `docs` is written from this."""

from __future__ import annotations

from typing import Final

from vimesh.metrics.catalogue.api_entries import API_METRICS
from vimesh.metrics.catalogue.bridge_entries import BRIDGE_METRICS
from vimesh.metrics.catalogue.client_entries import CLIENT_METRICS
from vimesh.metrics.catalogue.conductor_entries import CONDUCTOR_METRICS
from vimesh.metrics.catalogue.metric_entry import Component, MetricEntry
from vimesh.metrics.catalogue.monitor_entries import MONITOR_METRICS
from vimesh.metrics.catalogue.notifier_entries import NOTIFIER_METRICS
from vimesh.metrics.catalogue.process_entries import PROCESS_METRICS, UP_METRICS

CATALOGUE: Final = (
    *PROCESS_METRICS,
    *CONDUCTOR_METRICS,
    *CLIENT_METRICS,
    *MONITOR_METRICS,
    *API_METRICS,
    *BRIDGE_METRICS,
    *NOTIFIER_METRICS,
    *UP_METRICS,
)
BY_NAME: Final = {entry.name: entry for entry in CATALOGUE}


def entries_of(component: Component) -> list[MetricEntry]:
    """Return the metrics that a kind of process has."""
    return [entry for entry in CATALOGUE if component in entry.components]
