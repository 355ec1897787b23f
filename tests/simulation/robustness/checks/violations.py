"""Holds a checker's findings about a history."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Violation:
    guarantee: str
    """G1 to G12, or `contract`."""
    rule: str
    """The rule that was broken, in a word."""
    what: str
    """What happened, for people."""

    def __str__(self) -> str:
        return f"{self.guarantee} {self.rule}: {self.what}"


def counts(violations: Iterable[Violation]) -> dict[str, int]:
    """Count by guarantee and rule."""
    return dict(Counter(f"{one.guarantee} {one.rule}" for one in violations))


def shown(violations: Iterable[Violation]) -> list[str]:
    """Return the first few of each rule."""
    seen: Counter[str] = Counter()
    lines = []
    for one in violations:
        seen[one.rule] += 1
        if seen[one.rule] <= _SHOWN:
            lines.append(str(one))
    return lines
