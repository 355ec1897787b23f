"""Reads the queries of the boards in `deploy/grafana`, and asks them as Grafana would."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from deploy.grafana.make_boards import board_file


@dataclass(frozen=True)
class BoardQuery:
    board: str
    panel: str
    expression: str

    def with_variables(self, values: Mapping[str, str]) -> str:
        """Return what Grafana asks Prometheus for after people have chosen these values."""
        expression = self.expression
        for name in sorted(values, key=len, reverse=True):
            expression = expression.replace(f"${name}", values[name])
        return expression


def queries_of(source: Path) -> Iterator[BoardQuery]:
    board = json.loads(board_file(source).read_text())
    for panel in board["panels"]:
        for target in panel.get("targets", []):
            yield BoardQuery(source.stem, panel["title"], target["expr"])
