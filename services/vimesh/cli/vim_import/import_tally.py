"""Counts the results of an import."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Generic, TypeVar

from vimesh.cli.base.exits import Failure

_T = TypeVar("_T")


class Result(StrEnum):
    IMPORT = "import"
    """It would be imported, or is about to be."""
    IMPORTED = "imported"
    PRESENT = "present"
    """The fleet already has it with the same content."""
    DIFFERS = "differs"
    """The fleet already has it with other content, and it was left unchanged."""
    CANNOT = "cannot"
    """It cannot be imported as it is."""
    FAILED = "failed"
    """The fleet refused it."""


@dataclass(slots=True)
class ImportTally(Generic[_T]):
    """The results so far, also of an import that ended early."""

    total: int | None = None
    """None: not known yet."""
    on_change: Callable[[], None] = lambda: None
    counts: Counter[Result] = field(default_factory=Counter)
    outcomes: list[_T] = field(default_factory=list)
    """What to show of single VIMs."""
    trouble: Failure | None = None
    """Why the import is waiting at the moment, if it is."""
    ended_early: Failure | None = None

    @property
    def done(self) -> int:
        return self.counts.total()

    @property
    def left(self) -> int:
        return (self.total or 0) - self.done

    def end(self, why: Failure) -> None:
        """Record why no further call should be started."""
        self.ended_early = self.ended_early or why

    def wait(self, trouble: Failure | None) -> None:
        self.trouble = trouble
        self.on_change()


def describe_counts(total: int, counts: Mapping[str, int], *, if_none: str = "") -> str:
    """Return a text such as `3 VIMs: 2 imported, 1 failed`."""
    parts = [f"{count} {word}" for word, count in counts.items() if count]
    return f"{describe_number(total)}: {', '.join(parts) or if_none}"


def describe_number(count: int) -> str:
    return "1 VIM" if count == 1 else f"{count} VIMs"
