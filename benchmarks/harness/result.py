"""Defines the result of a benchmark: figures with their rounds and their goals. Reads and writes JSON."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any


class Verdict(StrEnum):
    GOAL = "goal reached"
    LEAST = "least reached"
    MISSED = "missed"
    NONE = ""
    """There is no goal: the figure is reported for its own sake."""


@dataclass(frozen=True, slots=True)
class Figure:
    name: str
    unit: str
    """Such as `calls/s`, `us`, `MB`; `x` for a ratio."""
    rounds: tuple[float, ...]
    """One value for each round, never a mean of something else."""
    goal: float | None = None
    least: float | None = None
    higher_is_better: bool = True
    note: str = ""
    """A few words for the table; longer explanations belong in the text of the benchmark."""

    def __post_init__(self) -> None:
        if not self.rounds:
            raise ValueError(f"{self.name}: nothing was measured")

    @property
    def median(self) -> float:
        return statistics.median(self.rounds)

    @property
    def verdict(self) -> Verdict:
        if self.goal is None and self.least is None:
            return Verdict.NONE
        if self._reaches(self.goal):
            return Verdict.GOAL
        return Verdict.LEAST if self._reaches(self.least) else Verdict.MISSED

    def _reaches(self, bound: float | None) -> bool:
        if bound is None:
            return False
        return self.median >= bound if self.higher_is_better else self.median <= bound


@dataclass(frozen=True, slots=True)
class Series:
    """The content of a plot: lines of points, by label."""

    name: str
    """The end of the name of the picture's file."""
    title: str
    x_label: str
    y_label: str
    lines: Mapping[str, tuple[tuple[float, float], ...]]
    log_x: bool = True
    log_y: bool = False


@dataclass(frozen=True, slots=True)
class Measured:
    """The result of one run of a benchmark."""

    figures: tuple[Figure, ...]
    settings: Mapping[str, str] = field(default_factory=dict)
    """What a reader must know to repeat it, such as the number of callers and the length of a round."""
    versions: Mapping[str, str] = field(default_factory=dict)
    """Versions of all software that took part: see machine.versions."""
    series: tuple[Series, ...] = ()


@dataclass(frozen=True, slots=True)
class Result:
    name: str
    title: str
    machine: Mapping[str, str]
    date: str
    measured: Measured

    def write(self, path: Path) -> None:
        """Write it as JSON, with median and verdict next to the rounds from which they follow."""
        document = asdict(self)
        for row, figure in zip(document["measured"]["figures"], self.measured.figures, strict=True):
            row["median"] = figure.median
            row["verdict"] = figure.verdict.value
        path.write_text(json.dumps(document, indent=1) + "\n")


def read(path: Path) -> Result:
    """Read what `write` wrote. Raises ValueError if a median or verdict does not follow from the rounds."""
    document: dict[str, Any] = json.loads(path.read_text())
    measured = document.pop("measured")
    return Result(
        **document,
        measured=Measured(
            figures=tuple(_figure(row) for row in measured["figures"]),
            settings=measured["settings"],
            versions=measured["versions"],
            series=tuple(_series(row) for row in measured["series"]),
        ),
    )


def _figure(row: dict[str, Any]) -> Figure:
    median, verdict = row.pop("median"), row.pop("verdict")
    figure = Figure(**row | {"rounds": tuple(row["rounds"])})
    if (median, verdict) != (figure.median, figure.verdict.value):
        raise ValueError(f"{figure.name}: median or verdict does not follow from the rounds")
    return figure


def _series(row: dict[str, Any]) -> Series:
    lines = {label: tuple((x, y) for x, y in points) for label, points in row["lines"].items()}
    return Series(**row | {"lines": lines})
