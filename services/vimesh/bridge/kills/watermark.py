"""Tracks the revision up to which all work is done, although the work may finish out of order."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass


@dataclass(slots=True)
class WatermarkStep:
    """The work that one message of the watch asks for."""

    revision: int
    items_left: int


class Watermark:
    """Keeps steps in the order in which they were seen. `revision` never passes a step that has work left."""

    def __init__(self, revision: int, log_id: str = "") -> None:
        self.revision = revision
        """The revision up to which all work is done; 0: none, so start with the list."""
        self.log_id = log_id
        """The log that the revision is of; empty if that is not known."""
        self._steps: deque[WatermarkStep] = deque()

    def add_step(self, revision: int, work: int) -> WatermarkStep:
        """Add a step for a message of the watch, with this number of items to work on."""
        step = WatermarkStep(revision, work)
        self._steps.append(step)
        self._advance()
        return step

    def finish_item(self, step: WatermarkStep) -> None:
        """Note that one item of a step is done."""
        step.items_left -= 1
        self._advance()

    def restart(self) -> None:
        """Forget what was done: the watch starts over with the list, perhaps of another log.

        Steps that have work left still hold the watermark back, but their revisions may mean nothing in that log.
        """
        self.revision, self.log_id = 0, ""
        for step in self._steps:
            step.revision = 0

    def _advance(self) -> None:
        while self._steps and not self._steps[0].items_left:
            self.revision = self._steps.popleft().revision or self.revision
