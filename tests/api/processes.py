"""Real api processes, and audits."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

from tests.support.callers.commands import clean_environment

_STOP_S = 40
_AUDIT_S = 60


@asynccontextmanager
async def api_process(
    folder: Path, address: str, mistral_url: str, **environment: str
) -> AsyncGenerator[asyncio.subprocess.Process]:
    """Run `vimesh api`, stop it as an administrator would, and see that it said nothing that it should not."""
    log = folder / f"api-{uuid4()}.log"
    command = (
        "api",
        "--listen",
        "127.0.0.1:0",
        "--engine",
        "mistral",
        "--mistral-url",
        mistral_url,
        "--address",
        address,
    )
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "vimesh.cli", *command),
            cwd=folder,
            env=clean_environment(**environment),
            stdout=output,
            stderr=output,
        )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), _STOP_S)
        except TimeoutError:
            process.kill()
            await process.wait()
            raise AssertionError(f"vimesh api did not stop:\n{log.read_text()}") from None
    assert "Traceback" not in log.read_text(), log.read_text()


async def audit(folder: Path, address: str, mistral_url: str, *flags: str) -> tuple[int, Any]:
    """Run `vimesh workflows audit`. Returns the exit code, and what it printed as JSON."""
    command = ("workflows", "audit", "--mistral-url", mistral_url, "--address", address, "-o", "json", *flags)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "vimesh.cli", *command),
        cwd=folder,
        env=clean_environment(),
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await asyncio.wait_for(process.communicate(), _AUDIT_S)
    return process.returncode or 0, json.loads(out) if out else None
