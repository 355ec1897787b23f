"""Which columns of the list fit a screen, and what their cells say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from rich.cells import set_cell_size

from vimesh.cli.base.durations import brief
from vimesh.cli.base.terminal import printable
from vimesh.cli.output.vim_columns import status as status_word
from vimesh.cli.top.vim_row import VimRow
from vimesh.v1.vim_pb2 import Vim

_GAP: Final = 2
STALE_MARK: Final = "?"
"""Behind a status that may be another one by now: it says without colours what dim text says."""


@dataclass(frozen=True, slots=True)
class RowColumn:
    """`rank`: columns that do not fit are left out from the highest rank down. `grows`: takes what is left."""

    title: str
    cell: Callable[[VimRow, float, bool], str]
    """Takes a row, the time in seconds since the epoch, and whether the row is stale."""
    width: int
    rank: int
    grows: bool = False


@dataclass(frozen=True, slots=True)
class SizedColumn:
    column: RowColumn
    width: int


def _status(row: VimRow, _now_s: float, stale: bool) -> str:
    word = status_word(Vim.Status.ValueType(row.status))
    return f"{word}{STALE_MARK}" if stale else word


def _notes(row: VimRow, now_s: float, _stale: bool) -> str:
    words = ["maintenance"] if row.maintenance_until_s > now_s else []
    return " ".join([row.reason or "-", *words, *(["flapping"] if row.flapping else [])])


COLUMNS: Final = (
    RowColumn("STATUS", _status, 12, 0),
    RowColumn("NAME", lambda row, _now_s, _stale: row.name or row.vim_id, 12, 1, grows=True),
    RowColumn("SINCE", lambda row, now_s, _stale: brief(now_s - row.since_s) if row.since_s else "", 5, 2),
    RowColumn("REASON", _notes, 16, 3, grows=True),
    RowColumn("TYPE", lambda row, _now_s, _stale: row.type, 10, 5),
    RowColumn("PROJECT", lambda row, _now_s, _stale: row.project_id, 10, 6),
    RowColumn("AUTH_URL", lambda row, _now_s, _stale: row.auth_url, 20, 4, grows=True),
)


def fitting(width: int) -> list[SizedColumn]:
    """Return the columns for a screen, with their widths. At least the status is one of them."""
    chosen: list[RowColumn] = []
    left = width + _GAP
    for column in sorted(COLUMNS, key=lambda column: column.rank):
        if column.width + _GAP > left and chosen:
            break
        chosen.append(column)
        left -= column.width + _GAP
    growing = [column for column in chosen if column.grows]
    share, rest = divmod(max(0, left), len(growing) or 1)
    return [
        SizedColumn(
            column,
            column.width + (share if column.grows else 0) + (rest if growing and column is growing[0] else 0),
        )
        for column in COLUMNS
        if column in chosen
    ]


def title_line(columns: Sequence[SizedColumn]) -> str:
    return (" " * _GAP).join(set_cell_size(sized.column.title, sized.width) for sized in columns)


def cells(columns: Sequence[SizedColumn], row: VimRow, now_s: float, *, stale: bool) -> list[str]:
    """Return the cells of a row, padded or cut to their widths, with the gaps behind them."""
    texts = [printable(sized.column.cell(row, now_s, stale)) for sized in columns]
    padded = [set_cell_size(text, sized.width) for text, sized in zip(texts, columns, strict=True)]
    return [f"{text}{' ' * _GAP}" for text in padded[:-1]] + padded[-1:]
