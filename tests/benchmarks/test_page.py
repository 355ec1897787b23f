"""docs/evidence/performance.md says what the results say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.harness.catalogue import benchmarks
from benchmarks.harness.page import PAGE, RESULTS, picture_of, render, stored
from benchmarks.harness.result import Figure, Measured, Result, Verdict, read


def test_the_page_is_made_of_the_results() -> None:
    assert PAGE.read_text() == render(stored(benchmarks().values())), "run: python -m benchmarks --page"


def test_every_result_is_of_a_benchmark_and_has_its_pictures() -> None:
    assert {path.stem for path in RESULTS.glob("*.json")} <= set(benchmarks())
    for _, result in stored(benchmarks().values()):
        assert all(picture_of(result, series).exists() for series in result.measured.series)


@pytest.mark.parametrize(
    ("rounds", "verdict"),
    [((4.0, 5.0, 9.0), Verdict.GOAL), ((4.0, 4.0, 9.0), Verdict.LEAST), ((1.0, 2.0, 9.0), Verdict.MISSED)],
)
def test_the_median_is_held_against_goal_and_least(rounds: tuple[float, ...], verdict: Verdict) -> None:
    assert Figure("calls", "calls/s", rounds, goal=5, least=3).verdict is verdict


def test_where_less_is_better_the_bounds_are_ceilings() -> None:
    assert Figure("lag", "ms", (3.0,), goal=2, least=4, higher_is_better=False).verdict is Verdict.LEAST


def test_a_result_whose_verdict_was_edited_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "made-up.json"
    result = Result("made-up", "Made up", {}, "2026-01-01", Measured((Figure("calls", "calls/s", (1.0,), 5, 3),)))
    result.write(path)
    assert read(path) == result

    document = json.loads(path.read_text())
    document["measured"]["figures"][0]["verdict"] = "goal reached"
    path.write_text(json.dumps(document))
    with pytest.raises(ValueError, match="does not follow"):
        read(path)
