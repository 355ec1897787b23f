"""What a file of VIMs holds, whatever its format."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class FileEntry:
    line: int
    """Where it begins, from 1."""
    content: Mapping[Any, Any] = field(repr=False)
    """With credentials, perhaps."""


@dataclass(frozen=True, slots=True)
class Flaw:
    """Something in the file that no conductor would take. The description quotes nothing that may be secret."""

    line: int
    description: str
    entry: FileEntry | None = None
    """What is wrong is in this entry; None: the file cannot be read there."""

    def __str__(self) -> str:
        return f"line {self.line}: {self.description}"


NO_MAPPING = "is no VIM: it must hold fields such as name and auth_url"


def entry_of(line: int, content: object) -> FileEntry | Flaw:
    return FileEntry(line, content) if isinstance(content, Mapping) else Flaw(line, NO_MAPPING)
