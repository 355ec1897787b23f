"""What is wrong with a file."""

from __future__ import annotations


class BadFile(Exception):
    """The file cannot be read, or asks for too much. The description quotes nothing: there may be passwords in it."""

    def __init__(self, description: str, line: int | None = None) -> None:
        super().__init__(description if line is None else f"line {line}: {description}")
        self.description = description
        self.line = line
        """From 1; None if no line is to blame."""
