"""Draws the series of a result."""

from __future__ import annotations

from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import ScalarFormatter

from benchmarks.harness.page import PICTURES, picture_of
from benchmarks.harness.result import Result, Series

_SIZE_INCHES = (7.0, 4.0)
_DOTS_PER_INCH = 110


def draw(result: Result) -> None:
    """Write one PNG for each series."""
    PICTURES.mkdir(exist_ok=True)
    for series in result.measured.series:
        _canvas(series).savefig(picture_of(result, series), dpi=_DOTS_PER_INCH, metadata={"Software": None})


def _canvas(series: Series) -> Canvas:
    canvas = Canvas(figsize=_SIZE_INCHES, layout="constrained")
    axes = canvas.subplots()
    for label, points in series.lines.items():
        axes.plot(*zip(*points, strict=True), marker="o", label=label)
    axes.set(title=series.title, xlabel=series.x_label, ylabel=series.y_label)
    if series.log_x:
        axes.set_xscale("log", base=2 if _doubles(series) else 10)
        axes.xaxis.set_major_formatter(ScalarFormatter())
        axes.set_xticks(sorted({x for points in series.lines.values() for x, _ in points}))
    if series.log_y:
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(ScalarFormatter())
    else:
        axes.set_ylim(bottom=0)
    axes.grid(visible=True, which="major", alpha=0.3)
    axes.legend()
    return canvas


def _doubles(series: Series) -> bool:
    return all(x > 0 and (int(x) & (int(x) - 1)) == 0 for points in series.lines.values() for x, _ in points)
