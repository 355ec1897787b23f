"""Checks a whole file before anything is registered: most mistakes are found without a fleet."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from vimesh.cli.input.file_entries import FileEntry, Flaw
from vimesh.cli.input.vim_entry import RejectedEntry
from vimesh.cli.vim_import.file_source.entry_to_request import EntryReader
from vimesh.cli.vim_import.vim_keys import KeyClaims, VimKey

_CLAIMED = {
    VimKey.NAME: "has the same name as line {}, in the same project",
    VimKey.ID: "has the same id as line {}",
    VimKey.DEFAULT: "would be the default VIM of its project, but so would line {}",
}


@dataclass(frozen=True, slots=True)
class Waiting:
    """A VIM that is ready to be registered."""

    line: int
    request: bytes = field(repr=False)
    """A serialized RegisterVimRequest: 100,000 of them take tens of megabytes instead of hundreds."""


@dataclass(slots=True)
class Plan:
    waiting: list[Waiting] = field(default_factory=list)
    """In the order of the file."""
    flaws: list[Flaw] = field(default_factory=list)

    @property
    def empty(self) -> bool:
        return not self.waiting and not self.flaws

    @property
    def readable(self) -> bool:
        """Whether each flaw concerns one entry only."""
        return all(flaw.entry is not None for flaw in self.flaws)


def check(entries: Iterable[FileEntry | Flaw], told: Callable[[int], None]) -> Plan:
    """Check all entries. `told` is called with the number of entries after each hundred."""
    plan = Plan()
    reader = EntryReader()
    claims = KeyClaims[int]()
    for number, entry in enumerate(entries, 1):
        if isinstance(entry, Flaw):
            plan.flaws.append(entry)
        else:
            try:
                plan.waiting.append(_prepare(entry, reader, claims))
            except RejectedEntry as error:
                plan.flaws.append(Flaw(entry.line, str(error), entry))
        if number % 100 == 0:
            told(number)
    return plan


def _prepare(entry: FileEntry, reader: EntryReader, claims: KeyClaims[int]) -> Waiting:
    """Check an entry, also against those of earlier lines. Raises RejectedEntry."""
    prepared = reader.prepare(entry)
    if claimed := claims.claim(prepared.registration, entry.line):
        key, line = claimed
        raise RejectedEntry(_CLAIMED[key].format(line))
    return Waiting(entry.line, prepared.request.SerializeToString())
