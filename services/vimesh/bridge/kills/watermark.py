"""Up to which revision everything is done, when later things may be done sooner."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass


@dataclass(slots=True)
class WatermarkStep:
    """What one message of the watch asks for."""

    revision: int
    left: int


class Watermark:
    """Steps in the order in which they were seen. `done` never passes a step that has work left."""

    def __init__(self, done: int) -> None:
        self.done = done
        """The revision up to which all is done; 0: nothing was ever seen."""
        self._steps: deque[WatermarkStep] = deque()

    def seen(self, revision: int, work: int) -> WatermarkStep:
        """Note a message of the watch, with so many things to do."""
        step = WatermarkStep(revision, work)
        self._steps.append(step)
        self._advance()
        return step

    def worked(self, step: WatermarkStep) -> None:
        """Note that one thing of a step is done."""
        step.left -= 1
        self._advance()

    def restart(self) -> None:
        """Forget what was done: the revisions belong to another log."""
        self.done = 0

    def _advance(self) -> None:
        while self._steps and not self._steps[0].left:
            self.done = self._steps.popleft().revision or self.done
