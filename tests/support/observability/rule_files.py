"""Reads the rules of Prometheus in `deploy/prometheus`, and makes them quick enough for a test."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[3]
PROMETHEUS = ROOT / "deploy/prometheus"
RULE_FILES = (PROMETHEUS / "recording-rules.yaml", PROMETHEUS / "alert-rules.yaml")
RUNBOOKS = ROOT / "docs/runbooks"
_RUNBOOK_URL = re.compile(r"https://vimesh\.example/docs/runbooks/([a-z-]+)\.md")
_DURATION = re.compile(r"(\d+)([smh])")
_RANGE = re.compile(r"\[(\d+[smh])\]")
_SECONDS = {"s": 1, "m": 60, "h": 3600}
_SHORTEST_RANGE_MS = 5_000
"""A rate needs some scrapes."""


@dataclass(frozen=True)
class AlertRule:
    name: str
    expression: str
    labels: dict[str, str]
    annotations: dict[str, str]

    @property
    def runbook(self) -> Path:
        """Return the page that its annotation names."""
        match = _RUNBOOK_URL.fullmatch(self.annotations["runbook_url"])
        assert match is not None, f"{self.name}: {self.annotations['runbook_url']}"
        return RUNBOOKS / f"{match[1]}.md"


def rules(file: Path) -> Iterator[dict[str, Any]]:
    for group in yaml.safe_load(file.read_text())["groups"]:
        yield from group["rules"]


def alert_rules() -> list[AlertRule]:
    return [
        AlertRule(rule["alert"], rule["expr"], rule["labels"], rule["annotations"])
        for file in RULE_FILES
        for rule in rules(file)
        if "alert" in rule
    ]


def expressions() -> Iterator[tuple[str, str]]:
    """Return the name and the expression of each rule."""
    for file in RULE_FILES:
        for rule in rules(file):
            yield rule.get("alert") or rule["record"], rule["expr"]


def write_quick_rules(folder: Path, times: int) -> list[str]:
    """Write the same rules with durations that are so many times shorter. Returns the names of the files."""
    for file in RULE_FILES:
        document = yaml.safe_load(file.read_text())
        for group in document["groups"]:
            for rule in group["rules"]:
                rule["expr"] = _RANGE.sub(lambda match: f"[{_shorter(match[1], times)}]", rule["expr"])
                if "for" in rule:
                    rule["for"] = _shorter(rule["for"], times, least_ms=0)
        (folder / file.name).write_text(yaml.safe_dump(document))
    return [file.name for file in RULE_FILES]


def _shorter(duration: str, times: int, *, least_ms: int = _SHORTEST_RANGE_MS) -> str:
    match = _DURATION.fullmatch(duration)
    assert match is not None, duration
    return f"{max(least_ms, int(match[1]) * _SECONDS[match[2]] * 1000 // times)}ms"
