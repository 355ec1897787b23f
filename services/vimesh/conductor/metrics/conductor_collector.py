"""Collects what the parts of a conductor count."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.metrics_core import Metric

from vimesh.conductor.reports.contact_pace import ContactPace
from vimesh.metrics import families


class ConductorCollector:
    def __init__(self, pace: ContactPace) -> None:
        self._pace = pace

    def collect(self) -> Iterator[Metric]:
        yield families.gauge("vimesh_contact_within_seconds", self._pace.contact_within_s)
