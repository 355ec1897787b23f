"""Makes the files that Grafana reads in `boards/` from the YAML beside this one: `make boards`.

A board has variables and rows, a row panels, and a panel queries; what is the same everywhere is added here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parent
SOURCES = tuple(sorted(file for file in FOLDER.glob("*.yaml") if file.name != "provisioning.yaml"))
_COLUMNS = 24
"""Of Grafana's grid."""
_SCHEMA = 39
"""Of Grafana 11, which later ones read, too."""
_DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
_KINDS = {"graph": "timeseries", "number": "stat", "states": "state-timeline", "table": "table"}
_OPTIONS: dict[str, dict[str, Any]] = {
    "graph": {
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
        "tooltip": {"mode": "multi"},
    },
    "number": {"reduceOptions": {"calcs": ["lastNotNull"], "values": False}, "textMode": "value_and_name"},
    "states": {"showValue": "auto", "mergeValues": True},
    "table": {"showHeader": True},
}
_WITHOUT_TIME = [{"id": "organize", "options": {"excludeByName": {"Time": True}}}]


def board_file(source: Path) -> Path:
    """Return the file that is made of a source."""
    return FOLDER / "boards" / f"vimesh-{source.stem}.json"


def board_text(source: Path) -> str:
    return json.dumps(_document(yaml.safe_load(source.read_text())), indent=2) + "\n"


def _document(board: dict[str, Any]) -> dict[str, Any]:
    return {
        "uid": board["uid"],
        "title": board["title"],
        "description": board["description"],
        "tags": ["vimesh"],
        "schemaVersion": _SCHEMA,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "timezone": "browser",
        "templating": {"list": [_datasource(), *map(_variable, board["variables"])]},
        "links": [{"type": "dashboards", "tags": ["vimesh"], "title": "vimesh", "asDropdown": True, "keepTime": True}],
        "panels": list(_placed(board["rows"])),
    }


def _datasource() -> dict[str, Any]:
    return {"type": "datasource", "name": "datasource", "label": "Prometheus", "query": "prometheus", "refresh": 1}


def _variable(variable: dict[str, Any]) -> dict[str, Any]:
    several = variable.get("several", True)
    return {
        "type": "query",
        "name": variable["name"],
        "datasource": _DATASOURCE,
        "query": {"query": variable["query"], "refId": variable["name"]},
        "refresh": 2,
        "sort": 1,
        "multi": several,
        "includeAll": several,
        **({"allValue": ".*", "current": {"text": ["All"], "value": ["$__all"]}} if several else {}),
    }


def _placed(rows: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Place the panels of each row from left to right; the next line begins below the highest."""
    number, top = 0, 0
    for row in rows:
        number += 1
        place = {"x": 0, "y": top, "w": _COLUMNS, "h": 1}
        yield {"id": number, "type": "row", "title": row["title"], "collapsed": False, "panels": [], "gridPos": place}
        top, left, line = top + 1, 0, 0
        for panel in row["panels"]:
            width, height = panel.get("width", 8), panel.get("height", 7)
            if left + width > _COLUMNS:
                top, left, line = top + line, 0, 0
            number += 1
            yield _panel(panel, number, {"x": left, "y": top, "w": width, "h": height})
            left, line = left + width, max(line, height)
        top += line


def _panel(panel: dict[str, Any], number: int, place: dict[str, int]) -> dict[str, Any]:
    kind = panel.get("kind", "graph")
    return {
        "id": number,
        "type": _KINDS[kind],
        "title": panel["title"],
        "description": panel.get("description", ""),
        "datasource": _DATASOURCE,
        "gridPos": place,
        "fieldConfig": {"defaults": {"unit": panel.get("unit", "short")}, "overrides": []},
        "options": _OPTIONS[kind],
        "targets": [_target(query, kind, chr(ord("A") + index)) for index, query in enumerate(panel["queries"])],
        **({"transformations": _WITHOUT_TIME} if kind == "table" else {}),
    }


def _target(query: dict[str, str], kind: str, letter: str) -> dict[str, Any]:
    now = kind in {"number", "table"}
    return {
        "refId": letter,
        "datasource": _DATASOURCE,
        "expr": query["query"],
        "legendFormat": query.get("legend", "__auto"),
        "instant": now,
        "range": not now,
        "format": "table" if kind == "table" else "time_series",
    }


def main() -> None:
    for source in SOURCES:
        board_file(source).write_text(board_text(source))


if __name__ == "__main__":
    main()
