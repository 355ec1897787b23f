"""Defines a benchmark: a name, a function that measures, and the text that explains it."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.harness.result import Measured
from benchmarks.harness.rounds import Say


@dataclass(frozen=True, slots=True)
class Run:
    """The input of a benchmark."""

    rounds: int
    """Number of rounds; at least 5 for figures that are compared. A benchmark of few long rounds may take fewer."""
    folder: Path
    """An empty folder on disk that is removed afterwards. Any user may enter it."""
    say: Say
    """Prints a line of progress."""


@dataclass(frozen=True, slots=True)
class Benchmark:
    name: str
    """One word or more with hyphens: the name of the result's file, and the argument that runs it."""
    title: str
    measure: Callable[[Run], Coroutine[Any, Any, Measured]]
    text: Path
    """A Markdown fragment: how it is measured, what the rows mean, what was not reached and why."""
