"""Prints tables: coloured on a terminal, plain and never cut elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from vimesh.cli.base.terminal import coloured, printable

if TYPE_CHECKING:
    from rich.console import OverflowMethod  # imported only on a terminal
    from rich.table import Table

STATUS_STYLES = {"REACHABLE": "green", "UNREACHABLE": "bold red", "UNKNOWN": "yellow", "PENDING": "cyan"}
_WHOLE = frozenset({"ID", "TYPE", "STATUS", "SINCE", "TIME"})
_CROPPED = frozenset({"NAME", "REASON", "AUTH_URL"})
"""Columns that are cut with an ellipsis. The others, except those in _WHOLE, wrap."""
_SPARED = ("ID", "SINCE")
"""Columns to drop in this order if the terminal is too narrow: every command also accepts names."""
_ENOUGH = 20
"""Width in characters that suffices for a column that may be cropped or wrapped."""
_GAP = 2
_WIDEST = 255
"""Maximum width in characters to pad to: one cell of a megabyte would otherwise make every row as long."""


def write(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    clean = [[printable(cell) for cell in row] for row in rows]
    if not sys.stdout.isatty():
        sys.stdout.write(plain(titles, clean))
        return
    from rich.console import Console  # noqa: PLC0415 - not needed in a pipe

    console = Console(no_color=not coloured(sys.stdout), highlight=False)
    console.print(table(titles, clean, console.width))


def plain(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    widths = [min(_WIDEST, max(len(row[column]) for row in (titles, *rows))) for column in range(len(titles))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in (titles, *rows)]
    return "".join(f"{line.rstrip()}\n" for line in lines)


def table(titles: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> Table:
    """Return a table for a terminal of that width, with statuses coloured."""
    from rich.table import Table  # noqa: PLC0415 - not needed in a pipe
    from rich.text import Text  # noqa: PLC0415 - as above

    made = Table(box=None, pad_edge=False, header_style="bold", padding=(0, _GAP, 0, 0))
    shown = _fitting(titles, rows, width)
    for column in shown:
        overflow: OverflowMethod = "ellipsis" if titles[column] in _CROPPED else "fold"
        made.add_column(titles[column], no_wrap=titles[column] in _WHOLE, overflow=overflow)
    for row in rows:
        # rich does not narrow a no_wrap column to make room, so cropped columns set no_wrap on their texts instead.
        made.add_row(
            *(
                Text(row[column], style=STATUS_STYLES.get(row[column], ""), no_wrap=titles[column] in _CROPPED or None)
                for column in shown
            )
        )
    return made


def _fitting(titles: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> list[int]:
    """Return the columns that fit the terminal."""
    needed = {column: max(len(row[column]) for row in (titles, *rows)) + _GAP for column in range(len(titles))}
    for column, title in enumerate(titles):
        if title not in _WHOLE:
            needed[column] = min(needed[column], _ENOUGH + _GAP)
    for title in _SPARED:
        if title in titles and "NAME" in titles and sum(needed.values()) > width:
            del needed[titles.index(title)]
    return list(needed)
