"""Formats the history of a VIM: a line for each sample, with a bar of its mean round trip."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Final

from google.protobuf.duration_pb2 import Duration

from vimesh.cli.base.durations import exact
from vimesh.cli.output import text_tables
from vimesh.cli.output.table_columns import ResourceTable, TableColumn, Visibility
from vimesh.cli.output.vim_columns import moment
from vimesh.v1.history_service_pb2 import Sample
from vimesh.wire.wire_durations import seconds

_GAP: Final = 2
_LEAST_BAR, _LONGEST_BAR = 8, 60
_EIGHTHS: Final = " ▏▎▍▌▋▊▉"
_BLOCK: Final = "█"
_PLAIN: Final = "#"
_WIDTH_OF_PIPES: Final = 100


def _round_trip(title: str, duration: Callable[[Sample], Duration]) -> TableColumn[Sample]:
    return TableColumn(
        title,
        lambda sample: _milliseconds(seconds(duration(sample))) if sample.answered else "-",
        value=lambda sample: Decimal(f"{seconds(duration(sample)):.6f}") if sample.answered else "",
    )


SAMPLES: Final = ResourceTable[Sample](
    columns=(
        TableColumn("TIME", lambda sample: moment(sample.start_time)),
        TableColumn(
            "SPAN",
            lambda sample: exact(seconds(sample.span)),
            Visibility.WIDE,
            value=lambda sample: sample.span.seconds,
        ),
        TableColumn("ROUNDS", lambda sample: str(sample.rounds), value=lambda sample: sample.rounds),
        TableColumn("ANSWERED", lambda sample: str(sample.answered), value=lambda sample: sample.answered),
        TableColumn("LOST", lambda sample: str(sample.lost), value=lambda sample: sample.lost),
        _round_trip("MIN", lambda sample: sample.min_round_trip),
        _round_trip("MEAN", lambda sample: sample.mean_round_trip),
        _round_trip("MAX", lambda sample: sample.max_round_trip),
    ),
    name=lambda sample: moment(sample.start_time),
)
"""People read milliseconds, programs seconds: those of a sample without an answer are empty."""


def print_plot(samples: Sequence[Sample]) -> None:
    """Print a table with bars, as wide as the terminal. One that is too narrow for bars gets none."""
    columns = SAMPLES.shown(())
    titles = [column.title for column in columns]
    rows = [[column.cell(sample) for column in columns] for sample in samples]
    used = sum(max(map(len, column)) + _GAP for column in zip(titles, *rows, strict=True))
    room = min(_width() - used, _LONGEST_BAR)
    if room >= _LEAST_BAR:
        means = [seconds(sample.mean_round_trip) for sample in samples]
        titles.append("")
        rows = [[*row, bar] for row, bar in zip(rows, bars(means, room, blocks=_has_blocks()), strict=True)]
    sys.stdout.write(text_tables.plain(titles, rows))


def bars(values: Sequence[float], room: int, *, blocks: bool) -> list[str]:
    """Return a bar for each value, the greatest of which fills the room. `blocks`: draw eighths of a character."""
    greatest = max(values, default=0.0)
    if not greatest:
        return [""] * len(values)
    if not blocks:
        return [_PLAIN * round(value / greatest * room) for value in values]
    eighths = [round(value / greatest * room * len(_EIGHTHS)) for value in values]
    return [(_BLOCK * (count // 8) + _EIGHTHS[count % 8]).rstrip() for count in eighths]


def _milliseconds(time_s: float) -> str:
    return f"{time_s * 1000:.{1 if time_s < 1 else 0}f}ms"


def _width() -> int:
    return os.get_terminal_size(sys.stdout.fileno()).columns if sys.stdout.isatty() else _WIDTH_OF_PIPES


def _has_blocks() -> bool:
    try:
        _BLOCK.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True
