"""Describes a metric: what its name stands for, and which processes have it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class MetricKind(StrEnum):
    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class Component(StrEnum):
    """A kind of process."""

    CONDUCTOR = "conductor"
    MONITOR = "monitor"
    API = "api"
    BRIDGE = "bridge"
    NOTIFIER = "notifier"
    CONSOLE = "console"
    UP = "up"
    """`vimesh up`, which has the metrics of its processes, each with the label `process`."""


ALL_PROCESSES = frozenset(Component) - {Component.UP}


@dataclass(frozen=True, slots=True)
class MetricEntry:
    name: str
    """As Prometheus shows it: a counter ends in `_total`."""
    kind: MetricKind
    help: str
    labels: tuple[str, ...] = ()
    components: frozenset[Component] = ALL_PROCESSES
    """The processes that have it."""
    condition: str = ""
    """When they have it; empty: always."""
