"""Checks a whole file before anything is registered: most mistakes are found without a fleet."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from vimesh.cli.input.file_entries import FileEntry, Flaw
from vimesh.cli.input.vim_entry import RejectedEntry
from vimesh.cli.vim_import.file_source.entry_to_request import EntryReader
from vimesh.cli.vim_import.vim_keys import KeyClaims, VimKey

_CLAIMED = {
    VimKey.NAME: "has the same name as {}, in the same project",
    VimKey.ID: "has the same id as {}",
    VimKey.DEFAULT: "would be the default VIM of its project, but so would {}",
}


@dataclass(frozen=True, slots=True)
class Origin:
    """What an entry of another client's file became."""

    entry: str
    """What it is there, such as `cloud lab`."""
    name: str
    type: str
    auth_url: str
    remarks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Waiting:
    """A VIM that is ready to be registered."""

    line: int
    request: bytes = field(repr=False)
    """A serialized RegisterVimRequest: 100,000 of them take tens of megabytes instead of hundreds."""
    origin: Origin | None = None
    """None: it is of a file of VIMs."""


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
    claims = KeyClaims[str]()
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


def _prepare(entry: FileEntry, reader: EntryReader, claims: KeyClaims[str]) -> Waiting:
    """Check an entry, also against those of earlier lines. Raises RejectedEntry."""
    prepared = reader.prepare(entry)
    wanted = prepared.registration
    if claimed := claims.claim(wanted, entry.place):
        key, place = claimed
        raise RejectedEntry(_CLAIMED[key].format(place))
    origin = Origin(entry.origin, wanted.name, wanted.type, wanted.auth_url, entry.remarks) if entry.origin else None
    return Waiting(entry.line, prepared.request.SerializeToString(), origin)
