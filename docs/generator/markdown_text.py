"""Writes tables and headings of Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table. Lines and bars in a cell are kept from ending it."""
    lines = [titles, ["---"] * len(titles), *([_cell(text) for text in row] for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def code(text: str) -> str:
    return f"`{text}`"


def paragraphs(text: str) -> str:
    """Return a text with each paragraph on a line of its own, as Markdown does not need lines to be short."""
    return "\n\n".join(" ".join(part.split()) for part in text.split("\n\n") if part.strip())


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
