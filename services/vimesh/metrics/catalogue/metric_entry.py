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


ALL_COMPONENTS = frozenset(Component)


@dataclass(frozen=True, slots=True)
class MetricEntry:
    name: str
    """As Prometheus shows it: a counter ends in `_total`."""
    kind: MetricKind
    help: str
    labels: tuple[str, ...] = ()
    components: frozenset[Component] = ALL_COMPONENTS
    """The processes that have it."""
    condition: str = ""
    """When they have it; empty: always."""
