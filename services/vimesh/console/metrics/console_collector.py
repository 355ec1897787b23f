"""Collects what the parts of a console process count."""

from __future__ import annotations

from collections.abc import Iterator

import grpc
from prometheus_client.metrics_core import Metric

from vimesh.http.request_statistics import RequestStatistics
from vimesh.metrics.http_requests import request_metrics


class ConsoleCollector:
    def __init__(self, requests: RequestStatistics, front: grpc.aio.Channel) -> None:
        self._requests = requests
        self._front = front

    def collect(self) -> Iterator[Metric]:
        yield from request_metrics(self._requests, self._front)
