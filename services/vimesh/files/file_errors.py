"""Defines the error for a file that cannot be used."""

from __future__ import annotations


class BadFile(Exception):
    """The file cannot be read, or exceeds a limit. The description quotes no values: the file may contain passwords."""

    def __init__(self, description: str, line: int | None = None) -> None:
        super().__init__(description if line is None else f"line {line}: {description}")
        self.description = description
        self.line = line
        """Counted from 1; None if the error has no particular line."""
