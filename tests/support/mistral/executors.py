"""Gives tests of our action a Mistral executor."""

from __future__ import annotations

from dataclasses import dataclass

from tests.support.mistral.mistrals import RunningMistral
from tests.support.mistral.workflows import Workflows


@dataclass(frozen=True)
class Executor:
    """A Mistral shared by several tests, and the port at which its plugin looks for conductors: there may be none."""

    mistral: RunningMistral
    workflows: Workflows
    port: int

    def lines(self, *words: str) -> list[str]:
        """Return the lines of Mistral's log that contain all the words."""
        return [line for line in self.mistral.log.read_text().splitlines() if all(word in line for word in words)]
