"""Runs a bystander during a run, and reads its figures at the end."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

_ROOT = Path(__file__).parents[3]
_END_S = 40.0


@dataclass(slots=True)
class Told:
    """Filled in when the bystander has ended."""

    took_s: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def quantile_ms(self, part: float) -> float:
        """Return the time within which this share of all calls ended."""
        return 1000 * sorted(self.took_s)[min(len(self.took_s) - 1, int(part * len(self.took_s)))]


@contextmanager
def bystander(front: str) -> Generator[Told]:
    told = Told()
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.fuzz.doors.bystander", front],
        cwd=_ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "begun\n", "the bystander did not begin"
        yield told
        said, _ = process.communicate("end\n", timeout=_END_S)
        outcome = json.loads(said)
        told.took_s, told.failures = outcome["took_s"], outcome["failures"]
    finally:
        process.kill()
        process.wait()
