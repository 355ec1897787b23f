"""Counts the results of an import."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from vimesh.cli.base.exits import Failure
from vimesh.cli.file_import.check_file import Waiting


@dataclass(frozen=True, slots=True)
class Refusal:
    """A VIM that the fleet refused."""

    waiting: Waiting
    name: str
    project_id: str
    why: str


@dataclass(slots=True)
class ImportTally:
    """The results so far, also of an import that ended early."""

    total: int
    told: Callable[[], None] = lambda: None
    """Called after each change."""
    registered: int = 0
    present: int = 0
    """VIMs that the fleet already has with the same content."""
    refusals: list[Refusal] = field(default_factory=list)
    trouble: Failure | None = None
    """Why the import is waiting at the moment, if it is."""
    ended_early: Failure | None = None

    @property
    def settled(self) -> int:
        return self.registered + self.present + len(self.refusals)

    @property
    def left(self) -> int:
        return self.total - self.settled

    def end(self, why: Failure) -> None:
        """Record why no further call should be started."""
        self.ended_early = self.ended_early or why

    def waits(self, trouble: Failure | None) -> None:
        self.trouble = trouble
        self.told()
