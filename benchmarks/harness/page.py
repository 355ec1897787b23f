"""Makes docs/evidence/performance.md from the results and the texts of the benchmarks; it is never edited by hand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from benchmarks.harness.benchmark import Benchmark
from benchmarks.harness.result import Figure, Result, Series, read

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks" / "results"
PAGE = ROOT / "docs" / "evidence" / "performance.md"
PICTURES = ROOT / "docs" / "evidence" / "performance"
_INTRODUCTION = Path(__file__).with_name("introduction.md")
_ROW = "| {} | {} | {} | {} | {} | {} |"


def stored(benchmarks: Iterable[Benchmark]) -> Iterator[tuple[Benchmark, Result]]:
    """Yield each benchmark that has been run, with its result."""
    for benchmark in benchmarks:
        path = RESULTS / f"{benchmark.name}.json"
        if path.exists():
            yield benchmark, read(path)


def render(results: Iterable[tuple[Benchmark, Result]]) -> str:
    """Return the whole page."""
    parts = [_INTRODUCTION.read_text().rstrip()]
    parts += [_section(benchmark, result) for benchmark, result in results]
    return "\n\n".join(parts) + "\n"


def picture_of(result: Result, series: Series) -> Path:
    return PICTURES / f"{result.name}-{series.name}.png"


def _section(benchmark: Benchmark, result: Result) -> str:
    measured = result.measured
    parts = [
        f"## {result.title}",
        _table(measured.figures),
        *(f"![{series.title}]({PICTURES.name}/{picture_of(result, series).name})" for series in measured.series),
        benchmark.text.read_text().strip(),
        _small_print(result),
    ]
    return "\n\n".join(parts)


def _table(figures: Iterable[Figure]) -> str:
    head = [
        _ROW.format("what", "goal", "least", "measured: median (min..max)", "verdict", "note"),
        "|---|---:|---:|---:|---|---|",
    ]
    return "\n".join([*head, *(_row(figure) for figure in figures)])


def _row(figure: Figure) -> str:
    unit = "" if figure.unit == "x" else f" {figure.unit}"
    spread = f" ({_number(min(figure.rounds))}..{_number(max(figure.rounds))})" if len(figure.rounds) > 1 else ""
    measured = f"**{_number(figure.median)}**{unit}{spread}"
    bounds = [_number(bound) if bound is not None else "" for bound in (figure.goal, figure.least)]
    return _ROW.format(figure.name, *bounds, measured, figure.verdict, figure.note)


def _number(value: float) -> str:
    """Show three significant digits, and whole numbers from 1,000 on."""
    if abs(value) >= 1000 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.3g}"


def _small_print(result: Result) -> str:
    rounds = max(len(figure.rounds) for figure in result.measured.figures)
    lines = [
        f"Measured on {result.date} in {rounds} round{'s' if rounds > 1 else ''}: `make bench ARGS={result.name}`",
        f"Machine: {_listed(result.machine)}",
        *([f"Settings: {_listed(result.measured.settings)}"] if result.measured.settings else []),
        *([f"Versions: {_listed(result.measured.versions)}"] if result.measured.versions else []),
    ]
    return "<sub>" + "<br>\n".join(lines) + "</sub>"


def _listed(items: Mapping[str, str]) -> str:
    return "; ".join(f"{name} {value}" for name, value in items.items())
