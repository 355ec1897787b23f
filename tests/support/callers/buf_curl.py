"""Calls with `buf curl`: a client that is not of this project, speaks gRPC and learns the contract by reflection."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

BUF = Path(sys.executable).with_name("buf")
_LIMIT_S = 30


async def buf_curl(address: str, path: str = "", *options: str, data: str = "") -> str:
    """Return what it prints, after it succeeded."""
    how = ("--protocol", "grpc", "--http2-prior-knowledge", *options, *(("--data", data) if data else ()))
    process = await asyncio.create_subprocess_exec(
        BUF, "curl", *how, f"http://{address}{path}", stdout=asyncio.subprocess.PIPE
    )
    output, _ = await asyncio.wait_for(process.communicate(), _LIMIT_S)
    assert process.returncode == 0
    return output.decode()
