"""Joins the metrics of several processes to one text, in which a label says whose each is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from prometheus_client import generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from vimesh.metrics import families

PROCESS = "process"


class _Merged(Collector):
    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._metrics = list(metrics)

    def collect(self) -> Iterable[Metric]:
        return self._metrics


def merge(texts: Mapping[str, str | None]) -> bytes:
    """Return one text from those of the processes, by name. None: the process did not answer. Raises ValueError."""
    merged: dict[str, Metric] = {}
    for process, text in texts.items():
        for family in text_string_to_metric_families(text or ""):
            into = merged.setdefault(family.name, Metric(family.name, family.documentation, family.type))
            into.samples += [each._replace(labels={**each.labels, PROCESS: process}) for each in family.samples]
    up = families.gauge("vimesh_process_up", {(process,): text is not None for process, text in texts.items()})
    return generate_latest(_Merged([*merged.values(), up]))
