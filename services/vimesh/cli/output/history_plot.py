"""Formats the history of a VIM: a line for each sample with a bar of its mean round trip, or CSV."""

from __future__ import annotations

import csv
import io
import os
import sys
from collections.abc import Sequence
from typing import Final

from vimesh.cli.output import text_tables
from vimesh.cli.output.vim_columns import moment
from vimesh.v1.history_service_pb2 import Sample
from vimesh.wire.wire_durations import seconds

_TITLES: Final = ("TIME", "ROUNDS", "ANSWERED", "LOST", "MIN", "MEAN", "MAX")
_GAP: Final = 2
_LEAST_BAR, _LONGEST_BAR = 8, 60
_EIGHTHS: Final = " ▏▎▍▌▋▊▉"
_BLOCK: Final = "█"
_PLAIN: Final = "#"
_WIDTH_OF_PIPES: Final = 100
_CSV_TITLES: Final = (
    *("start_time", "span_s", "rounds", "answered", "lost"),
    *("min_round_trip_s", "mean_round_trip_s", "max_round_trip_s"),
)


def print_plot(samples: Sequence[Sample]) -> None:
    """Print a table with bars, as wide as the terminal. One that is too narrow for bars gets none."""
    rows = [_row(sample) for sample in samples]
    used = sum(max(map(len, column)) + _GAP for column in zip(_TITLES, *rows, strict=True))
    room = min(_width() - used, _LONGEST_BAR)
    titles: Sequence[str] = _TITLES
    if room >= _LEAST_BAR:
        means = [seconds(sample.mean_round_trip) for sample in samples]
        titles, rows = (
            (*_TITLES, ""),
            [(*row, bar) for row, bar in zip(rows, bars(means, room, blocks=_has_blocks()), strict=True)],
        )
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


def csv_of(samples: Sequence[Sample]) -> str:
    """Return CSV with a line for each sample. Round trips of a sample without an answer are empty."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_CSV_TITLES)
    for sample in samples:
        times = (sample.min_round_trip, sample.mean_round_trip, sample.max_round_trip)
        writer.writerow(
            (
                sample.start_time.ToJsonString(),
                sample.span.seconds,
                sample.rounds,
                sample.answered,
                sample.lost,
                *(f"{seconds(one):.6f}" if sample.answered else "" for one in times),
            )
        )
    return out.getvalue()


def _row(sample: Sample) -> tuple[str, ...]:
    times = (sample.min_round_trip, sample.mean_round_trip, sample.max_round_trip)
    return (
        moment(sample.start_time),
        str(sample.rounds),
        str(sample.answered),
        str(sample.lost),
        *(_milliseconds(seconds(one)) if sample.answered else "-" for one in times),
    )


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
