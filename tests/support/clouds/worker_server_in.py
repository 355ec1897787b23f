"""Runs a server in a process of its own, inside a namespace."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.support.clouds import worker_server_main
from tests.support.networks.namespaces import Namespace


@asynccontextmanager
async def server_in(machine: Namespace) -> AsyncGenerator[asyncio.StreamReader]:
    """Run a server on port 5000 of all addresses; yields its output: the connection of each request."""
    process = await asyncio.create_subprocess_exec(
        *machine.command(sys.executable, str(Path(worker_server_main.__file__))),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        await process.stdout.readline()
        yield process.stdout
    finally:
        process.stdin.close()
        await process.wait()
