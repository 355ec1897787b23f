"""Makes what prometheus-client writes from an entry of the catalogue and plain numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import TypeVar

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.utils import floatToGoString

from vimesh.metrics.catalogue.metric_entry import MetricEntry, MetricKind
from vimesh.metrics.metric_catalogue import BY_NAME
from vimesh.runtime.histogram import Histogram

Labels = TypeVar("Labels", bound=tuple[str, ...])
"""The values of the labels, in the order of the catalogue."""


def counter(name: str, values: float | Mapping[Labels, float]) -> CounterMetricFamily:
    """Return a counter: one value, or one for each combination of labels. Raises KeyError for an unlisted name."""
    entry = _entry(name, MetricKind.COUNTER)
    family = CounterMetricFamily(entry.name, entry.help, labels=entry.labels)
    for labels, value in _by_labels(values):
        family.add_metric(labels, value)
    return family


def gauge(name: str, values: float | Mapping[Labels, float]) -> GaugeMetricFamily:
    """Return a gauge, as `counter` does."""
    entry = _entry(name, MetricKind.GAUGE)
    family = GaugeMetricFamily(entry.name, entry.help, labels=entry.labels)
    for labels, value in _by_labels(values):
        family.add_metric(labels, value)
    return family


def histogram(name: str, values: Histogram | Mapping[Labels, Histogram]) -> HistogramMetricFamily:
    """Return a histogram, as `counter` does."""
    entry = _entry(name, MetricKind.HISTOGRAM)
    family = HistogramMetricFamily(entry.name, entry.help, labels=entry.labels)
    pairs: Sequence[tuple[tuple[str, ...], Histogram]]
    pairs = [((), values)] if isinstance(values, Histogram) else list(values.items())
    for labels, observed in pairs:
        ends = (*map(floatToGoString, observed.bounds), "+Inf")
        # The sum is read before the counts: one that is observed in between is missing in it, until the next read.
        total = observed.total
        family.add_metric(labels, list(zip(ends, accumulate(observed.counts), strict=True)), sum_value=total)
    return family


def _entry(name: str, kind: MetricKind) -> MetricEntry:
    entry = BY_NAME[name]
    if entry.kind is not kind:
        raise KeyError(f"{name} is a {entry.kind}")
    return entry


def _by_labels(values: float | Mapping[Labels, float]) -> Sequence[tuple[tuple[str, ...], float]]:
    # Copied at once: the loop's thread may add to a mapping meanwhile.
    return list(values.items()) if isinstance(values, Mapping) else [((), values)]
