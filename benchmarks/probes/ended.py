"""Programs that run to their end: what they print, and what CPU they took."""

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
    """User and system, of the program and what it waited for. Right only if nothing else of ours ended meanwhile."""


async def run_to_end(command: Sequence[str]) -> Ended:
    """Raises NotMeasured if it fails, and TimeoutError."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    try:
        output = await processes.run_to_end(command, within_s=_LIMIT_S)
    except ProcessFailed as error:
        raise NotMeasured(str(error)) from None
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Ended(output, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
