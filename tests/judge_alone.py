"""Runs pytest on several tests at a time, and judges what fails by itself afterwards: `python -m tests.judge_alone`.

Beside others on a busy machine, a test may find a limit of production exceeded that has nothing to do with what it is
about. That says something about the test, and nothing about the code: so it is run again when nothing else runs. If it
fails again, it has failed. If not, it is named at the end, because its cause has to be found all the same.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

MOST: Final = 10
"""More failures than these have a common cause, which is no load."""
_TESTS_FAILED: Final = 1
"""Exit code of pytest. With any other one but 0 it was not able to run the tests."""


def run(arguments: Sequence[str]) -> int:
    """Run pytest with these arguments, and again with what failed; return an exit code of pytest."""
    with tempfile.TemporaryDirectory() as folder:
        code = _pytest(folder, arguments)
        failed = _failed(Path(folder))
        if code != _TESTS_FAILED or not 0 < len(failed) <= MOST:
            return code
        _say(f"{len(failed)} failed beside others, and are judged alone")
        code = _pytest(folder, [*failed, "--instafail"])
    if code == 0:
        _say("FAILED BESIDE OTHERS, AND PASSED ALONE: find out why\n" + "\n".join(failed))
    return code


def _pytest(folder: str, arguments: Sequence[str]) -> int:
    program = [sys.executable, "-m", "pytest", "-o", f"cache_dir={folder}", *arguments]
    return subprocess.run(program, check=False).returncode


def _failed(folder: Path) -> list[str]:
    file = folder / "v" / "cache" / "lastfailed"
    return sorted(json.loads(file.read_text())) if file.exists() else []


def _say(text: str) -> None:
    sys.stdout.write(f"\n{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
