"""Prints tables: coloured on a terminal, plain and never cut elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from vimesh.cli.base.terminal import coloured, columns_of, printable

if TYPE_CHECKING:
    from rich.console import OverflowMethod  # imported only on a terminal
    from rich.table import Table

STATUS_STYLES = {"REACHABLE": "green", "UNREACHABLE": "bold red", "UNKNOWN": "yellow", "PENDING": "cyan"}
_ANSI = {"green": "\x1b[32m", "bold red": "\x1b[1;31m", "yellow": "\x1b[33m", "cyan": "\x1b[36m"}
_PLAIN = "\x1b[0m"
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


class TableWriter:
    """Writes the rows of one table part by part. The first part decides how wide columns are where nothing is cut."""

    def __init__(self, titles: Sequence[str], *, headers: bool = True, spare: bool = True) -> None:
        """`spare`: whether columns may be left out on a terminal that is too narrow."""
        self._titles = titles
        self._headers = headers
        self._spare = spare
        self._widths: Sequence[int] = ()
        self._shown: Sequence[int] = ()
        """Indices of the columns that fit the terminal."""

    def add(self, rows: Sequence[Sequence[str]]) -> None:
        clean = [[printable(cell) for cell in row] for row in rows]
        if sys.stdout.isatty():
            self._draw(clean)
        else:
            self._widths = self._widths or _widths(self._titles if self._headers else (), clean)
            shown = [self._titles, *clean] if self._headers else clean
            sys.stdout.write(_lines(shown, self._widths, styled=coloured(sys.stdout)))
        self._headers = False

    def _draw(self, rows: Sequence[Sequence[str]]) -> None:
        from rich.console import Console  # noqa: PLC0415 - not needed in a pipe

        console = Console(no_color=not coloured(sys.stdout), highlight=False)
        everything = range(len(self._titles))
        self._shown = self._shown or (_fitting(self._titles, rows, console.width) if self._spare else everything)
        console.print(_drawn(self._titles, rows, self._shown, headers=self._headers))


def write(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    TableWriter(titles).add(rows)


def plain(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return _lines([titles, *rows], _widths(titles, rows), styled=False)


def _widths(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> list[int]:
    lines = [titles, *rows] if titles else rows
    return [min(_WIDEST, max(map(columns_of, column))) for column in zip(*lines, strict=True)]


def _lines(rows: Sequence[Sequence[str]], widths: Sequence[int], *, styled: bool) -> str:
    pad = _coloured if styled else _padded
    return "".join(f"{'  '.join(map(pad, row, widths)).rstrip()}\n" for row in rows)


def _padded(cell: str, width: int) -> str:
    return cell + " " * (width - columns_of(cell))


def _coloured(cell: str, width: int) -> str:
    padded, style = _padded(cell, width), STATUS_STYLES.get(cell)
    return f"{_ANSI[style]}{cell}{_PLAIN}{padded[len(cell) :]}" if style else padded


def table(titles: Sequence[str], rows: Sequence[Sequence[str]], width: int, *, stale: bool = False) -> Table:
    """Return a table for a terminal of that width, with statuses coloured.

    `stale`: whether the rows are those of the past: they are dimmed, without colours.
    """
    return _drawn(titles, rows, _fitting(titles, rows, width), headers=True, stale=stale)


def _drawn(
    titles: Sequence[str],
    rows: Sequence[Sequence[str]],
    shown: Sequence[int],
    *,
    headers: bool,
    stale: bool = False,
) -> Table:
    from rich.table import Table  # noqa: PLC0415 - not needed in a pipe
    from rich.text import Text  # noqa: PLC0415 - as above

    made = Table(box=None, pad_edge=False, header_style="bold", padding=(0, _GAP, 0, 0), show_header=headers)
    for column in shown:
        overflow: OverflowMethod = "ellipsis" if titles[column] in _CROPPED else "fold"
        made.add_column(titles[column], no_wrap=titles[column] in _WHOLE, overflow=overflow)
    for row in rows:
        # rich does not narrow a no_wrap column to make room, so cropped columns set no_wrap on their texts instead.
        made.add_row(
            *(
                Text(
                    row[column],
                    style="dim" if stale else STATUS_STYLES.get(row[column], ""),
                    no_wrap=titles[column] in _CROPPED or None,
                )
                for column in shown
            )
        )
    return made


def _fitting(titles: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> list[int]:
    """Return the columns that fit the terminal."""
    needed = {column: max(columns_of(row[column]) for row in (titles, *rows)) + _GAP for column in range(len(titles))}
    for column, title in enumerate(titles):
        if title not in _WHOLE:
            needed[column] = min(needed[column], _ENOUGH + _GAP)
    for title in _SPARED:
        if title in titles and "NAME" in titles and sum(needed.values()) > width:
            del needed[titles.index(title)]
    return list(needed)
