"""A process like a Mistral executor: it forks, and it must be able to end."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.support.deployments.conductors import conductor_at
from tests.support.deployments.scripted_conductor import ScriptedConductor, serving
from tests.support.probers.actions import id_of
from tests.support.probers.verdicts import PATIENCE_S
from tests.support.timing.waiting import eventually
from vimesh.v1 import fleet_service_pb2 as pb

PROGRAM = Path(__file__).parents[2] / "support/mistral/executor_main.py"


@pytest.fixture
def conductor() -> ScriptedConductor:
    return ScriptedConductor()


@asynccontextmanager
async def process(port: int, *words: str) -> AsyncGenerator[asyncio.subprocess.Process]:
    running = await asyncio.create_subprocess_exec(
        sys.executable,
        str(PROGRAM),
        f"127.0.0.1:{port}",
        *words,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    try:
        yield running
    finally:
        if running.returncode is None:
            running.kill()
            await running.wait()


async def test_nothing_keeps_an_executor_from_ending(conductor: ScriptedConductor) -> None:
    async with serving(conductor) as port, process(port, "run", "vim", "wait") as running:
        await conductor.until(lambda: bool(conductor.reports))
        async with asyncio.timeout(PATIENCE_S):
            out, err = await running.communicate(b"\n")

    assert (running.returncode, out) == (0, b"vim runs\n")
    assert b"Traceback" not in err


async def test_an_executor_is_one_of_the_processes_of_its_fleet(tmp_path: Path) -> None:
    async with conductor_at(tmp_path / "vimesh.sqlite") as client:
        port = int(client.address.rpartition(":")[2])
        async with process(port, "run", "vim", "wait") as running:

            async def executors() -> list[pb.FleetProcess]:
                status = await client.fleet.GetFleetStatus(pb.GetFleetStatusRequest(), timeout=PATIENCE_S)
                return [one for one in status.processes if one.kind == pb.FleetProcess.EXECUTOR]

            async def is_there() -> bool:
                return bool(await executors())

            await eventually(is_there, PATIENCE_S)
            [executor] = await executors()

    assert (executor.pid, executor.missing, set(executor.facts)) == (running.pid, False, {"actions"})


async def test_an_executor_counts_without_the_packages_that_serve_metrics(
    conductor: ScriptedConductor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for package in ("prometheus_client", "uvicorn"):
        (tmp_path / f"{package}.py").write_text("raise ModuleNotFoundError(__name__)\n")
    monkeypatch.syspath_prepend(tmp_path)

    async with serving(conductor) as port, process(port, "run", "vim", "wait") as running:
        await conductor.until(lambda: bool(conductor.reports))
        async with asyncio.timeout(PATIENCE_S):
            out, err = await running.communicate(b"\n")

    assert (running.returncode, out) == (0, b"vim runs\n")
    assert b"Error" not in err


async def test_a_fork_made_before_the_first_action_has_a_host_of_its_own(conductor: ScriptedConductor) -> None:
    async with serving(conductor) as port, process(port, "fork", "run", "child", "wait") as running:
        await conductor.until(lambda: bool(conductor.reports))
        async with asyncio.timeout(PATIENCE_S):
            out, _ = await running.communicate(b"\n")

    assert (running.returncode, out) == (0, b"child runs\n")


async def test_a_fork_made_later_fails_its_actions_and_leaves_the_others_alone(conductor: ScriptedConductor) -> None:
    async with serving(conductor) as port, process(port, "run", "parent", "fork", "run", "child", "wait") as running:
        async with asyncio.timeout(PATIENCE_S):
            out, _ = await running.communicate(b"\n")

    assert running.returncode == 0
    first, second = out.decode().splitlines()
    assert first == "parent runs"
    assert second.startswith("child ping action cannot run: this process was forked from one that ran ping actions")
    assert {report.vim_id for report in conductor.reports} <= {id_of("parent")}
