"""A test that fails beside others is judged alone, and named; one that fails alone has failed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.judge_alone import MOST

pytestmark = pytest.mark.timeout(120)

ROOT = Path(__file__).parents[1]
_TESTS = """
import os
import pytest

BESIDE_OTHERS = "PYTEST_XDIST_WORKER" in os.environ

def test_that_passes(): pass

@pytest.mark.parametrize("number", range({count}))
def test_that_fails_beside_others(number): assert not BESIDE_OTHERS

def test_that_fails(): assert not {fails}
"""


def judged(folder: Path, *, count: int = 1, fails: bool = False) -> tuple[int, str]:
    (folder / "test_some.py").write_text(_TESTS.format(count=count, fails=fails))
    program = [sys.executable, "-m", "tests.judge_alone", "-n", "1", "."]
    # This test may be run beside others itself.
    outside = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    environment = {**outside, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        program, check=False, capture_output=True, text=True, timeout=100, cwd=folder, env=environment
    )
    return done.returncode, done.stdout


@pytest.mark.parametrize(
    ("count", "fails", "code", "says"),
    [
        (0, False, 0, "2 passed"),
        (
            2,
            False,
            0,
            "FAILED BESIDE OTHERS, AND PASSED ALONE: find out why\ntest_some.py::test_that_fails_beside_others[0]",
        ),
        (1, True, 1, "1 failed, 1 passed"),
        (MOST + 1, False, 1, "11 failed"),
    ],
    ids=["all pass", "some fail beside others", "one fails", "too many fail"],
)
def test_what_fails_beside_others_is_judged_alone(
    tmp_path: Path, count: int, fails: bool, code: int, says: str
) -> None:
    ended, out = judged(tmp_path, count=count, fails=fails)

    assert (ended, says in out) == (code, True), out
    assert ("judged alone" in out) is (0 < count + fails <= MOST)
