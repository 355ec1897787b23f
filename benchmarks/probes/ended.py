"""Runs programs to their end, and returns their output and CPU."""

from __future__ import annotations

import resource
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.harness import processes
from benchmarks.harness.failure import NotMeasured
from benchmarks.harness.processes import ProcessFailed

_LIMIT_S = 60.0


@dataclass(frozen=True, slots=True)
class Ended:
    output: str
    cpu_s: float
    """User and system, of the program and its children. Correct only if no other child of ours ends meanwhile."""


async def run_to_end(command: Sequence[str]) -> Ended:
    """Run a program. Raises NotMeasured if it fails, and TimeoutError."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    try:
        output = await processes.run_to_end(command, within_s=_LIMIT_S)
    except ProcessFailed as error:
        raise NotMeasured(str(error)) from None
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Ended(output, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
