"""Makes metrics of what a process that serves HTTP to fronts has counted."""

from __future__ import annotations

from collections.abc import Iterator

import grpc
from prometheus_client.metrics_core import Metric

from vimesh.http.request_statistics import RequestStatistics
from vimesh.metrics import families
from vimesh.runtime.histogram import Histogram


def request_metrics(requests: RequestStatistics, front: grpc.aio.Channel) -> Iterator[Metric]:
    """Yield the metrics of its requests, and of its way to the conductors."""
    # A channel that was idle connects now, and is connected at the next scrape.
    state = front.get_state(try_to_connect=True)
    yield families.gauge("vimesh_front_connected", int(state is grpc.ChannelConnectivity.READY))
    yield families.counter("vimesh_http_requests_total", requests.requests)
    yield families.histogram("vimesh_http_request_duration_seconds", by_label(requests.durations))


def by_label(histograms: dict[str, Histogram]) -> dict[tuple[str], Histogram]:
    # Copied at once: another thread may add to it meanwhile.
    return {(label,): histogram for label, histogram in histograms.copy().items()}
