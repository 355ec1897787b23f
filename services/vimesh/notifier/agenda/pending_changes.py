"""Holds what a receiver is still to be told, VIM by VIM and in order: nothing is merged, nothing overtakes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from vimesh.domain.notifications.notifications import ChangeKind
from vimesh.domain.vims import Status
from vimesh.notifier.agenda.agenda_values import LogChange, VimFacts


@dataclass(frozen=True, slots=True)
class PendingChange:
    """A change that was selected."""

    change: LogChange
    kind: ChangeKind
    arrived_at: float
    told_before: Status | None
    """The problem that the receiver knew of before it."""
    told_after: Status | None
    is_silent: bool = False
    """Whether the receiver does not want to be told, but has to be seen as if it had been."""


class PendingChanges:
    def __init__(self) -> None:
        self._changes: dict[str, list[PendingChange]] = {}
        self._count = 0
        self._facts: dict[str, VimFacts] = {}

    def __len__(self) -> int:
        return self._count

    def __contains__(self, vim_id: str) -> bool:
        return vim_id in self._changes

    def of(self, vim_id: str) -> Sequence[PendingChange]:
        return self._changes.get(vim_id, ())

    def vims(self) -> Iterable[str]:
        return self._changes.keys()

    def add(self, pending: PendingChange) -> None:
        self._changes.setdefault(pending.change.vim_id, []).append(pending)
        self._count += 1
        if pending.change.facts is not None:
            self._facts[pending.change.vim_id] = pending.change.facts

    def facts(self, vim_id: str) -> VimFacts | None:
        return self._facts.get(vim_id)

    def note_facts(self, facts: Mapping[str, VimFacts]) -> None:
        """Take what was read of VIMs. Only of those that have changes to be told is it kept."""
        self._facts.update({vim_id: one for vim_id, one in facts.items() if vim_id in self._changes})

    def remove(self, vim_id: str, count: int) -> Sequence[PendingChange]:
        """Take the first changes of a VIM out, and return them."""
        changes = self._changes.get(vim_id, [])
        removed, rest = changes[:count], changes[count:]
        self._count -= len(removed)
        if rest:
            self._changes[vim_id] = rest
        else:
            self._changes.pop(vim_id, None)
            self._facts.pop(vim_id, None)
        return removed

    def lowest_revision(self) -> int | None:
        # The revisions of a VIM grow: its first change has the lowest one.
        return min((changes[0].change.revision for changes in self._changes.values()), default=None)

    def oldest(self) -> Iterator[PendingChange]:
        """Yield the first change of each VIM."""
        return (changes[0] for changes in self._changes.values())
