"""Collects what the parts of an api process count."""

from __future__ import annotations

from collections.abc import Iterator

import grpc
from prometheus_client.metrics_core import Metric

from vimesh.api.driver_statistics import DriverStatistics
from vimesh.api.rest.request_statistics import RequestStatistics
from vimesh.metrics import families
from vimesh.runtime.histogram import Histogram


class ApiCollector:
    def __init__(self, requests: RequestStatistics, driver: DriverStatistics | None, front: grpc.aio.Channel) -> None:
        """`driver`: None if the process drives no workflow engine."""
        self._requests = requests
        self._driver = driver
        self._front = front

    def collect(self) -> Iterator[Metric]:
        # A channel that was idle connects now, and is connected at the next scrape.
        state = self._front.get_state(try_to_connect=True)
        yield families.gauge("vimesh_front_connected", int(state is grpc.ChannelConnectivity.READY))
        yield families.counter("vimesh_http_requests_total", self._requests.requests)
        yield families.histogram("vimesh_http_request_duration_seconds", _by_label(self._requests.durations))
        if self._driver is not None:
            yield families.counter("vimesh_tasks_total", self._driver.tasks.tasks)
            yield families.counter("vimesh_mistral_calls_total", self._driver.mistral.calls)
            yield families.histogram("vimesh_mistral_call_seconds", _by_label(self._driver.mistral.durations))


def _by_label(histograms: dict[str, Histogram]) -> dict[tuple[str], Histogram]:
    # Copied at once: another thread may add to it meanwhile.
    return {(label,): histogram for label, histogram in histograms.copy().items()}
