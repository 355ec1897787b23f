"""What was typed, for those who need it beside the command itself: the flags before it, and the names of all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field, replace


@dataclass(frozen=True, slots=True)
class CommandLine:
    words: Sequence[str] = ()
    """All of it, without the program."""
    flags_before: Mapping[str, str] = field(default_factory=dict)
    """Values of the flags before the command, by the keys of their settings."""

    def has_flag(self, *names: str) -> bool:
        """Return whether one of these flags was typed."""
        return any(word.partition("=")[0] in names for word in self.words)


_typed: ContextVar[CommandLine] = ContextVar("what was typed")


def typed() -> CommandLine:
    return _typed.get(CommandLine())


def begin_command_line(words: Sequence[str]) -> None:
    _typed.set(CommandLine(tuple(words)))


def set_flags_before(values: Mapping[str, str | None]) -> None:
    """Take note of the flags before the command; None: not there."""
    there = {key: value for key, value in values.items() if value is not None}
    _typed.set(replace(typed(), flags_before=there))
