"""Programs that run to their end: what they print, and what CPU they took."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.probes.hosts import NotMeasured

_LIMIT_S = 60.0


@dataclass(frozen=True, slots=True)
class Ended:
    output: str
    cpu_s: float
    """User and system, of the program and what it waited for. Right only if nothing else of ours ended meanwhile."""


async def run_to_end(command: Sequence[str]) -> Ended:
    """Raises NotMeasured if it fails, and TimeoutError."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    try:
        async with asyncio.timeout(_LIMIT_S):
            printed, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    output = printed.decode(errors="replace")
    if process.returncode:
        raise NotMeasured(f"{command[0]} ended with {process.returncode}:\n{output[-2000:]}")
    return Ended(output, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
