"""The short form of `make robustness`: the same processes, faults and checker, for some seconds."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.fleet, pytest.mark.alone, pytest.mark.timeout(240)]

ROOT = Path(__file__).parents[3]
_STOP_S = 60


async def _run(folder: Path, *words: str) -> tuple[int, str]:
    """Return the exit code and the output."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.simulation.robustness", "--folder", str(folder), *words),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        said, _ = await process.communicate()
    finally:
        if process.returncode is None:
            # It stops everything that it has started.
            process.terminate()
            await asyncio.wait_for(process.wait(), _STOP_S)
    return process.returncode or 0, said.decode()


def _figures(folder: Path) -> dict[str, Any]:
    [written] = folder.glob("*/report.json")
    found: dict[str, Any] = json.loads(written.read_text())
    return found


async def test_some_faults_break_no_guarantee(tmp_path: Path) -> None:
    code, said = await _run(tmp_path, "--seed", "11", "--minutes", "0.25", "--vims", "60")

    assert code == 0, said
    figures = _figures(tmp_path)
    assert figures["faults"] >= 4
    assert figures["reports_answered"] > 100
    assert figures["events"]["seen"] == figures["events"]["expected"] > 300
    assert not figures["violations"]
