"""Writes the tables of `docs/operating/metrics.md` from the catalogue: `make metrics`."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from vimesh.metrics.catalogue.api_entries import API_METRICS
from vimesh.metrics.catalogue.bridge_entries import BRIDGE_METRICS
from vimesh.metrics.catalogue.client_entries import CLIENT_METRICS
from vimesh.metrics.catalogue.conductor_entries import CONDUCTOR_METRICS
from vimesh.metrics.catalogue.metric_entry import MetricEntry
from vimesh.metrics.catalogue.monitor_entries import MONITOR_METRICS
from vimesh.metrics.catalogue.notifier_entries import NOTIFIER_METRICS
from vimesh.metrics.catalogue.process_entries import PROCESS_METRICS, UP_METRICS

BEGIN: Final = "<!-- made by `make metrics` from services/vimesh/metrics/catalogue -->\n"
END: Final = "<!-- end -->\n"
_SECTIONS: Final[tuple[tuple[str, tuple[MetricEntry, ...]], ...]] = (
    ("Every process", PROCESS_METRICS),
    ("Conductors", CONDUCTOR_METRICS),
    ("Monitors, api processes, bridges and notifiers", CLIENT_METRICS),
    ("Monitors", MONITOR_METRICS),
    ("api processes", API_METRICS),
    ("Bridges", BRIDGE_METRICS),
    ("Notifiers", NOTIFIER_METRICS),
    ("`vimesh up`", UP_METRICS),
)


def render(page: str) -> str:
    """Return the page with fresh tables. Raises ValueError unless it has a place for them."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError("the page has no place for the tables")
    tables = "\n".join(_table(title, entries) for title, entries in _SECTIONS if entries)
    return f"{before}{BEGIN}\n{tables}\n{END}{after}"


def _table(title: str, entries: Iterable[MetricEntry]) -> str:
    rows = "".join(_row(entry) for entry in entries)
    return f"### {title}\n\n| metric | type | labels | what it says |\n|---|---|---|---|\n{rows}"


def _row(entry: MetricEntry) -> str:
    labels = ", ".join(f"`{label}`" for label in entry.labels)
    condition = f" Only {entry.condition}." if entry.condition else ""
    return f"| `{entry.name}` | {entry.kind} | {labels} | {entry.help.rstrip('.')}.{condition} |\n"


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.write_text(render(path.read_text(encoding="utf-8")), encoding="utf-8")
