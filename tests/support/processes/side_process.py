"""Runs a process next to a test until its input ends: its work must not slow down what is measured."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.support.networks.namespaces import Namespace

_ROOT = Path(__file__).parents[3]
_WITHIN_S = 20


@asynccontextmanager
async def side_process(module: str, *words: str, log: Path, machine: Namespace | None = None) -> AsyncGenerator[str]:
    """Run a module, in `machine` if given; yields the first line that it prints. Its errors go to the log."""
    command = [sys.executable, "-m", module, *words]
    with log.open("wb") as errors:
        process = await asyncio.create_subprocess_exec(
            *(command if machine is None else machine.command(*command)),
            cwd=_ROOT,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=errors,
            start_new_session=True,
        )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        async with asyncio.timeout(_WITHIN_S):
            line = await process.stdout.readline()
        yield line.decode()
    finally:
        process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), _WITHIN_S)
        except TimeoutError:
            process.kill()
            await process.wait()
            raise
