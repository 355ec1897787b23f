"""What is fuzzed: one reader of a VIM's bytes, and what must hold of it whatever comes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

_CORPUS = Path(__file__).with_name("corpus")


@dataclass(frozen=True, slots=True)
class Parser:
    name: str
    read: Callable[[bytes], None]
    """Reads an input as the monitor would. Exceptions that are documented stay inside: what it raises is a defect."""
    seeds: Sequence[bytes]
    most_bytes: int
    """No input is longer."""
    limit_ms: float = 5.0
    """Of the loop's CPU, for one input: what other threads do holds up nobody."""
    close: Callable[[], None] = lambda: None
    """Gives back what reading has needed."""

    @property
    def corpus(self) -> Path:
        """Where inputs are kept that failed at some time."""
        return _CORPUS / self.name
