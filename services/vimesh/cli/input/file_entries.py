"""Defines what the readers of all file formats yield: entries and flaws."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class FileEntry:
    line: int
    """Line where it starts, counted from 1."""
    content: Mapping[Any, Any] = field(repr=False)
    """May hold credentials."""
    origin: str = ""
    """What it is in the file of another client, such as `cloud lab`; empty in a file of VIMs."""
    remarks: tuple[str, ...] = ()
    """What of it is left out, or does not do what it does there."""
    whole: bool = False
    """Whether it is a whole document: that may be a file of another client."""

    @property
    def place(self) -> str:
        """Where it is, for messages."""
        return self.origin or f"line {self.line}"


@dataclass(frozen=True, slots=True)
class Flaw:
    """A defect that every conductor would refuse. The description quotes nothing that may be secret."""

    line: int
    description: str
    entry: FileEntry | None = None
    """The entry that is wrong; None if the file cannot be read at that line."""

    def __str__(self) -> str:
        place = f"line {self.line}" if self.entry is None else self.entry.place
        return f"{place}: {self.description}"


@dataclass(frozen=True, slots=True)
class EntryKind:
    """What the entries of a file are."""

    list_name: str
    """The only key of a document that holds a list of them."""
    no_mapping: str
    """What is wrong with something else."""


VIMS = EntryKind("vims", "is not a VIM: it must have fields such as name and auth_url")


def entry_of(line: int, content: object, kind: EntryKind = VIMS, *, whole: bool = False) -> FileEntry | Flaw:
    return FileEntry(line, content, whole=whole) if isinstance(content, Mapping) else Flaw(line, kind.no_mapping)
