"""A Mistral executor, as tests of our action see it."""

from __future__ import annotations

from dataclasses import dataclass

from tests.support.mistral.mistrals import RunningMistral
from tests.support.mistral.workflows import Workflows


@dataclass(frozen=True)
class Executor:
    """A Mistral that several tests share, and where its plugin looks for conductors: there may be none."""

    mistral: RunningMistral
    workflows: Workflows
    port: int

    def lines(self, *words: str) -> list[str]:
        """Return the lines of Mistral's log that hold all the words."""
        return [line for line in self.mistral.log.read_text().splitlines() if all(word in line for word in words)]
