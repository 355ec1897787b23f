"""What has come of an import so far."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from vimesh.cli.base.exits import Failure
from vimesh.cli.file_import.check_file import Waiting


@dataclass(frozen=True, slots=True)
class Refusal:
    """A VIM that the fleet did not take."""

    waiting: Waiting
    name: str
    project_id: str
    why: str


@dataclass(slots=True)
class ImportTally:
    """It is there also when the import ends before its time."""

    total: int
    told: Callable[[], None] = lambda: None
    """Called with each news."""
    registered: int = 0
    present: int = 0
    """VIMs that the fleet had already, with the same content."""
    refusals: list[Refusal] = field(default_factory=list)
    trouble: Failure | None = None
    """Why nothing goes on at the moment."""
    ended_early: Failure | None = None

    @property
    def settled(self) -> int:
        return self.registered + self.present + len(self.refusals)

    @property
    def left(self) -> int:
        return self.total - self.settled

    def end(self, why: Failure) -> None:
        """Note that no further call is to be begun."""
        self.ended_early = self.ended_early or why

    def waits(self, trouble: Failure | None) -> None:
        self.trouble = trouble
        self.told()
