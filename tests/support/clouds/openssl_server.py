"""Runs OpenSSL's own test server, for behaviour that Python's ssl does not offer. It answers requests with a page."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.support.clouds.targets import free_port, listens
from tests.support.probers.verdicts import PATIENCE_S
from tests.support.timing.waiting import eventually


@asynccontextmanager
async def openssl_server(pem: Path, *options: str) -> AsyncGenerator[str]:
    """Serve with the key and certificate in a file; yields the URL."""
    program = shutil.which("openssl")
    if program is None:
        pytest.skip("there is no openssl")
    port = free_port()
    command = (
        program,
        "s_server",
        "-accept",
        f"127.0.0.1:{port}",
        "-cert",
        str(pem),
        "-key",
        str(pem),
        "-www",
        "-quiet",
    )
    process = await asyncio.create_subprocess_exec(
        *command, *options, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        await eventually(lambda: listens(port), PATIENCE_S)
        yield f"https://127.0.0.1:{port}/"
    finally:
        process.terminate()
        await process.wait()
