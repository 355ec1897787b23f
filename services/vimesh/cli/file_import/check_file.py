"""Checks a whole file before anything is registered: most mistakes are found without a fleet."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from vimesh.cli.file_import.entry_to_request import EntryReader, RejectedEntry
from vimesh.cli.input.file_entries import FileEntry, Flaw
from vimesh.domain.vims import Registration


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
    preparer = EntryReader()
    claims = _Claims()
    for number, entry in enumerate(entries, 1):
        if isinstance(entry, Flaw):
            plan.flaws.append(entry)
        else:
            try:
                prepared = preparer.prepare(entry)
                claims.take(entry.line, prepared.registration)
            except RejectedEntry as error:
                plan.flaws.append(Flaw(entry.line, str(error), entry))
            else:
                plan.waiting.append(Waiting(entry.line, prepared.request.SerializeToString()))
        if number % 100 == 0:
            told(number)
    return plan


class _Claims:
    """Records the names, ids and defaults that only one VIM can have, with the line that asked first."""

    def __init__(self) -> None:
        self._names: dict[tuple[str, str], int] = {}
        self._ids: dict[str, int] = {}
        self._defaults: dict[str, int] = {}

    def take(self, line: int, wanted: Registration) -> None:
        """Claim what the VIM asks for. Raises RejectedEntry if an earlier line has claimed it."""
        if first := self._names.get((wanted.project_id, wanted.name)):
            raise RejectedEntry(f"has the same name as line {first}, in the same project")
        if first := self._ids.get(wanted.vim_id):
            raise RejectedEntry(f"has the same id as line {first}")
        if wanted.is_default and (first := self._defaults.get(wanted.project_id)):
            raise RejectedEntry(f"would be the default VIM of its project, but so would line {first}")
        self._names[wanted.project_id, wanted.name] = line
        if wanted.vim_id:
            self._ids[wanted.vim_id] = line
        if wanted.is_default:
            self._defaults[wanted.project_id] = line
