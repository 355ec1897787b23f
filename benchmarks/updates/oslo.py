"""Runs the conductor built on oslo.messaging: its environment, its broker, its processes, and the load on it."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, closing
from pathlib import Path

from benchmarks.harness import peers
from benchmarks.harness.machine import debian_version, versions_in
from benchmarks.harness.processes import printed, running
from benchmarks.harness.rounds import Sample
from benchmarks.harness.usage import CpuMeter
from benchmarks.updates.calling import Tally, WrongAnswer
from benchmarks.updates.load import printed_by
from tests.support.amqp.brokers import running_broker

REQUIREMENTS = ("oslo.messaging==18.3.1", "sqlalchemy==2.1.9")
_START_S = 60.0


class OsloConductor:
    def __init__(self, python: Path, url: str, pids: tuple[int, int], *, vims: Path, database: Path) -> None:
        self._python = python
        self._url = url
        self._pids = dict(zip(("conductor_us", "broker_us"), pids, strict=True))
        self._vims = vims
        self._database = database
        self._changed = 0

    async def empty(self, callers: int, seconds: float) -> Sample:
        return await self._drive("empty", callers, seconds, 0)

    async def changed(self, callers: int, seconds: float) -> Sample:
        """Make calls that each turn a VIM's status around. Raises WrongAnswer unless the last ones are committed."""
        sample = await self._drive("changed", callers, seconds, self._changed)
        self._changed += int(sample["answered"])
        await asyncio.to_thread(self._verify)
        return sample

    def versions(self) -> dict[str, str]:
        found = versions_in(self._python, *(requirement.partition("==")[0] for requirement in REQUIREMENTS))
        return {f"{name} (peer)": version for name, version in found.items()} | debian_version("rabbitmq-server")

    async def _drive(self, work: str, callers: int, seconds: float, first: int) -> Sample:
        meter = CpuMeter(self._pids.values())
        printed = await printed_by(
            [
                *(str(self._python), "-m", "benchmarks.updates.oslo_client_main", self._url, work, str(self._vims)),
                *("--callers", str(callers), "--first", str(first), "--seconds", str(seconds)),
            ]
        )
        tally = Tally.from_json(printed)
        return {
            "calls_per_s": tally.calls_per_s,
            "p50_ms": tally.p50_ms,
            "p99_ms": tally.p99_ms,
            "answered": tally.answered,
            "client_us": 1e6 * tally.client_cpu_s / tally.answered,
            **{name: 1e6 * meter.spent_s(pid) / tally.answered for name, pid in self._pids.items()},
        }

    def _verify(self) -> None:
        vims = [row.split()[0] for row in self._vims.read_text().splitlines()]
        with closing(sqlite3.connect(self._database)) as connection:
            stored = dict(connection.execute("SELECT id, status FROM vims"))
        for number, vim_id in enumerate(vims):
            laps = (self._changed - number - 1) // len(vims) + 1
            if stored[vim_id] != ("UNREACHABLE" if laps % 2 else "REACHABLE"):
                raise WrongAnswer(f"the last answered change of {vim_id} is not committed")


@asynccontextmanager
async def oslo_conductor(vims: Path, folder: Path) -> AsyncGenerator[OsloConductor]:
    """Run it over a broker and a SQLite file of its own, with these VIMs."""
    python = await peers.environment("oslo", REQUIREMENTS)
    await peers.program("rabbitmq-server", "rabbitmq-server")
    (broker_folder := folder / "broker").mkdir()
    database = folder / "oslo.sqlite"
    async with running_broker(broker_folder) as broker:
        command = (python, "-m", "benchmarks.updates.oslo_server_main", broker.url, database, vims)
        output = folder / "oslo.log"
        async with running(
            *command, output=output, ready=printed("serving"), within_s=_START_S, cwd=peers.ROOT
        ) as server:
            broker_pid = int((broker_folder / "pid").read_text())
            yield OsloConductor(python, broker.url, (server.pid, broker_pid), vims=vims, database=database)
