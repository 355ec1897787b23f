"""The sample clients do what they say, against a conductor."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from pathlib import Path

import pytest

from tests.support.conductors import Client, conductor_at
from tests.support.recorder import recording
from vimesh.v1 import vim_pb2

SAMPLES = Path(__file__).parents[2] / "samples"
NODE = shutil.which("node") or "node"


@pytest.mark.parametrize(
    "command",
    [[sys.executable, SAMPLES / "python/watch.py"], [NODE, SAMPLES / "node/watch.js"]],
    ids=["python", "node"],
)
async def test_a_sample_client_registers_watches_and_deregisters(tmp_path: Path, command: list[str | Path]) -> None:
    async with conductor_at(tmp_path / "vimesh.sqlite") as client, recording(client) as seen:
        process = await asyncio.create_subprocess_exec(
            *command,
            "http://127.0.0.1:5000/v3",
            env={**os.environ, "VIMESH_ADDRESS": client.address},
            stdout=asyncio.subprocess.PIPE,
        )
        await seen.until(lambda: bool(seen.events), 20)
        await say_reachable(client, seen.events[0].vim)
        output, _ = await asyncio.wait_for(process.communicate(), 20)

    first = seen.events[0].revision
    assert output.decode().splitlines() == [
        f"{first} REGISTERED PENDING",
        f"{first + 1} STATUS_CHANGED REACHABLE ",
        "deregistered",
    ]
    assert process.returncode == 0


async def say_reachable(client: Client, vim: vim_pb2.Vim) -> None:
    """Report as the VIM's ping action would."""
    await client.report(vim, vim_pb2.Vim.REACHABLE)
