"""Measures the cost of ping actions in a Mistral executor, asynchronous ones and synchronous ones.

    python benchmarks/mistral_thousand.py [COUNT]

Mistral runs in one process (API, engine, executor), so the figures are the growth of that process. The VIMs are
loopback addresses probed by HTTP every 10 s; a scripted conductor asks for a report on each every 10 s.
"""

from __future__ import annotations

import asyncio
import ipaddress
import os
import sys
import tempfile
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.support.clouds.targets import fake_api
from tests.support.deployments.scripted_conductor import ScriptedConductor, recorded, serving
from tests.support.mistral.mistrals import running_mistral
from tests.support.mistral.workflows import Workflows
from tests.support.timing.waiting import until
from vimesh.domain.actions import Action
from vimesh.domain.probing import ProbePolicy

CLIENTS = 4
SETTLE_S = 60.0
MEASURE_S = 30.0
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Usage:
    rss_kib: int
    virtual_kib: int
    threads: int
    cpu_s: float
    at: float


def usage(pid: int) -> Usage:
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    times = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return Usage(
        rss_kib=int(status["VmRSS"].split()[0]),
        virtual_kib=int(status["VmSize"].split()[0]),
        threads=int(status["Threads"]),
        cpu_s=(int(times[11]) + int(times[12])) / _TICKS_PER_S,
        at=time.monotonic(),
    )


async def measure(mode: str, pool: int, count: int) -> None:
    conductor = ScriptedConductor()
    conductor.answer = lambda report: recorded(report, within_s=10)
    async with listening(conductor) as (address, api_port), folder() as path:
        environment = {"VIMESH_ADDRESS": address, "VIMESH_ACTION_MODE": mode}
        async with running_mistral(path, environment, pool=pool) as mistral:
            workflows = Workflows(mistral.url)
            await workflows.run(_action(count, api_port))  # modules that are loaded once are loaded now
            await conductor.until(lambda: bool(conductor.reports))
            before = usage(mistral.pid)
            begun = time.monotonic()
            await _run_all(workflows, count, api_port)
            made_s = time.monotonic() - begun
            wanted = min(count, pool - 1 if mode == "sync" else count)
            await until(lambda: _reporting(conductor) > wanted, SETTLE_S)
            settled = usage(mistral.pid)
            await asyncio.sleep(MEASURE_S)
            after = usage(mistral.pid)
    sys.stdout.write(
        f"{mode:5}  pool {pool:5}  executed {count:5} in {made_s:5.1f} s  reporting {_reporting(conductor) - 1:5}"
        f"  RSS {before.rss_kib / 1024:4.0f} -> {after.rss_kib / 1024:4.0f} MiB"
        f"  virtual {after.virtual_kib / 1048576:5.1f} GiB  threads {before.threads:4} -> {after.threads:5}"
        f"  CPU {100 * (after.cpu_s - settled.cpu_s) / (after.at - settled.at):5.1f} % of a core\n"
    )
    sys.stdout.flush()


@asynccontextmanager
async def listening(conductor: ScriptedConductor) -> AsyncGenerator[tuple[str, int]]:
    async with serving(conductor) as port, fake_api("0.0.0.0") as api:
        yield f"127.0.0.1:{port}", api.port


@asynccontextmanager
async def folder() -> AsyncGenerator[Path]:
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def _reporting(conductor: ScriptedConductor) -> int:
    return len({report.vim_id for report in conductor.reports})


def _action(number: int, port: int) -> Action:
    address = ipaddress.ip_address("127.1.0.0") + number
    return Action(f"vim-{number}", f"action-{number}", f"http://{address}:{port}/v3", ProbePolicy(), 0)


async def _run_all(workflows: Workflows, count: int, port: int) -> None:
    gate = asyncio.Semaphore(CLIENTS)

    async def run(number: int) -> None:
        async with gate:
            await workflows.run(_action(number, port))

    async with asyncio.TaskGroup() as all_:
        for number in range(count):
            all_.create_task(run(number))


async def main(count: int) -> None:
    await measure("async", 64, count)
    await measure("sync", count + 100, count)
    await measure("sync", 64, min(count, 100))


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000))
