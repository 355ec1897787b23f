"""Counts tasks of the workflow engine, in plain numbers that any thread may read."""

from __future__ import annotations

from enum import StrEnum


class TaskResult(StrEnum):
    DONE = "done"
    POSTPONED = "postponed"
    FAILED = "failed"
    NOT_TAKEN = "not_taken"
    """The conductors do not take the result: most often another process has claimed the task since."""
    EXPIRED = "expired"
    """The claim ended before the task, which another process will claim."""


class TaskStatistics:
    def __init__(self) -> None:
        self.tasks: dict[tuple[str, str], int] = {}
        """By kind and result."""

    def count(self, kind: str, result: TaskResult) -> None:
        self.tasks[kind, result.value] = self.tasks.get((kind, result.value), 0) + 1
