"""Rows and columns: coloured on a terminal, plain and never cut elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from vimesh.cli.terminal import coloured, printable

if TYPE_CHECKING:
    from rich.table import Table  # imported when a terminal is there

STATUS_STYLES = {"REACHABLE": "green", "UNREACHABLE": "bold red", "UNKNOWN": "yellow", "PENDING": "cyan"}


def write(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    clean = [[printable(cell) for cell in row] for row in rows]
    if not sys.stdout.isatty():
        sys.stdout.write(plain(titles, clean))
        return
    from rich.console import Console  # noqa: PLC0415 - not needed in a pipe

    Console(no_color=not coloured(sys.stdout), highlight=False).print(table(titles, clean))


def plain(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[column]) for row in (titles, *rows)) for column in range(len(titles))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in (titles, *rows)]
    return "".join(f"{line.rstrip()}\n" for line in lines)


def table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    """Return a table for a terminal, with the colours of statuses."""
    from rich.table import Table  # noqa: PLC0415 - not needed in a pipe
    from rich.text import Text  # noqa: PLC0415

    made = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for title in titles:
        # Ids are there to be copied: they stay whole, and the rest wraps.
        made.add_column(title, no_wrap=title in {"ID", "STATUS", "SINCE", "TIME"}, overflow="fold")
    for row in rows:
        made.add_row(*(Text(cell, style=STATUS_STYLES.get(cell, "")) for cell in row))
    return made
