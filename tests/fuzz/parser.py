"""Defines what is fuzzed: one reader of a VIM's bytes, and what must hold whatever it reads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

_CORPUS = Path(__file__).with_name("corpus")


@dataclass(frozen=True, slots=True)
class Parser:
    name: str
    read: Callable[[bytes], None]
    """Reads an input as the monitor would. Documented exceptions are handled inside: any that it raises is a defect."""
    seeds: Sequence[bytes]
    most_bytes: int
    """Maximum length of an input."""
    limit_ms: float = 5.0
    """CPU of the loop for one input: other threads block nothing."""
    close: Callable[[], None] = lambda: None
    """Releases the resources that reading needed."""

    @property
    def corpus(self) -> Path:
        """The folder of the inputs that failed in earlier runs."""
        return _CORPUS / self.name
