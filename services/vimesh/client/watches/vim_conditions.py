"""What may be waited for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from vimesh.client.enum_names import status_name
from vimesh.client.watches.wait_for_vim import VimCondition
from vimesh.v1.vim_pb2 import Vim, VimEvent

WantedVim: TypeAlias = "str | Vim.Status.ValueType | Callable[[Vim], bool]"
"""The name or number of a status, or a function that returns whether a VIM is as wanted."""


@dataclass(frozen=True, slots=True)
class HasStatus:
    status: Vim.Status.ValueType

    def __str__(self) -> str:
        return status_name(self.status)

    def is_met_by(self, vim: Vim | None) -> bool:
        return vim is not None and vim.status == self.status

    def was_met_at(self, event: VimEvent) -> bool:
        return event.status == self.status and event.kind != VimEvent.DEREGISTERED


@dataclass(frozen=True, slots=True)
class Fulfils:
    function: Callable[[Vim], bool]

    def __str__(self) -> str:
        return getattr(self.function, "__name__", "as wanted").replace("<lambda>", "as wanted")

    def is_met_by(self, vim: Vim | None) -> bool:
        return vim is not None and self.function(vim)

    def was_met_at(self, event: VimEvent) -> bool:  # noqa: ARG002 - a change is no VIM
        return False


@dataclass(frozen=True, slots=True)
class Deregistered:
    def __str__(self) -> str:
        return "deregistered"

    def is_met_by(self, vim: Vim | None) -> bool:
        return vim is None

    def was_met_at(self, event: VimEvent) -> bool:
        return event.kind == VimEvent.DEREGISTERED


def condition_of(wanted: WantedVim) -> VimCondition:
    """Raises ValueError for a status that there is not."""
    if isinstance(wanted, str):
        return HasStatus(Vim.Status.Value(wanted.upper()))
    if isinstance(wanted, int):
        return HasStatus(wanted)
    return Fulfils(wanted)
