"""Collects what the parts of an api process count."""

from __future__ import annotations

from collections.abc import Iterator

import grpc
from prometheus_client.metrics_core import Metric

from vimesh.api.driver_statistics import DriverStatistics
from vimesh.http.request_statistics import RequestStatistics
from vimesh.metrics import families
from vimesh.metrics.http_requests import by_label, request_metrics


class ApiCollector:
    def __init__(self, requests: RequestStatistics, driver: DriverStatistics | None, front: grpc.aio.Channel) -> None:
        """`driver`: None if the process drives no workflow engine."""
        self._requests = requests
        self._driver = driver
        self._front = front

    def collect(self) -> Iterator[Metric]:
        yield from request_metrics(self._requests, self._front)
        if self._driver is not None:
            yield families.counter("vimesh_tasks_total", self._driver.tasks.tasks)
            yield families.counter("vimesh_mistral_calls_total", self._driver.mistral.calls)
            yield families.histogram("vimesh_mistral_call_seconds", by_label(self._driver.mistral.durations))
