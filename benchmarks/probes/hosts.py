"""Controls hosts of ping actions under test: processes in a namespace."""

from __future__ import annotations

import asyncio
import json
import signal
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.harness.failure import NotMeasured
from benchmarks.harness.processes import Process, printed, running
from benchmarks.probes.own_python import own_python
from benchmarks.probes.targets import Targets, to_json
from tests.support.networks.namespaces import Namespace
from vimesh.domain.vims import Status

_ANSWER_S = 30.0
_START_S = 90.0
"""For 100,000 actions on a machine that also does other things."""
_LONGEST_ANSWER_BYTES = 1 << 26
_LOOK_EVERY_S = 0.2


@dataclass(frozen=True, slots=True)
class Change:
    """Any verdict except a first REACHABLE."""

    vim_id: str
    status: Status
    reason: str
    seen_at: float
    """By the monotonic clock, which all processes of a machine share."""


@dataclass(frozen=True, slots=True)
class Spent:
    """Resources that a host has used so far."""

    cpu_s: float
    """User and system."""
    kernel_s: float
    """The system part of it."""
    rss_bytes: int
    lag_s: float
    """The greatest delay of the loop since the last request; 0 without `watch_lag`."""


class HostUnderTest:
    """One process. Between its turns a signal stops it: it keeps its VIMs, and takes no time from others."""

    def __init__(self, process: Process, orders: asyncio.StreamWriter, answers: asyncio.StreamReader) -> None:
        self.pid = process.pid
        self._process = process
        self._orders = orders
        self._answers = answers

    async def start(self, targets: Targets) -> None:
        running = await self._ask("start", to_json(targets), within_s=_START_S)
        if running != targets.count:
            raise NotMeasured(f"{running} of {targets.count} actions run")

    async def all_reachable(self, targets: Targets, within_s: float) -> float:
        """Wait until each VIM has its first verdict, and it is REACHABLE. Returns the seconds; raises NotMeasured."""
        begun = time.monotonic()
        while True:
            heard = await self._ask("heard")
            if heard["changes"]:
                raise NotMeasured(f"a healthy VIM was called otherwise: {heard['changes'][:3]}")
            if heard["reachable"] == targets.count:
                return time.monotonic() - begun
            if time.monotonic() - begun > within_s:
                raise NotMeasured(f"{heard['reachable']} of {targets.count} have a verdict after {within_s:.0f} s")
            await asyncio.sleep(_LOOK_EVERY_S)

    async def changes(self) -> list[Change]:
        """Return the verdicts since the last time, without the first ones that were REACHABLE."""
        told = (await self._ask("heard"))["changes"]
        return [Change(vim_id, Status(status), reason, seen_at) for vim_id, status, reason, seen_at in told]

    async def spent(self) -> Spent:
        return Spent(**await self._ask("spent"))

    async def end_minute(self) -> None:
        """Make the digests of the rounds since the last time, as at the end of each minute."""
        await self._ask("end minute")

    async def watch_lag(self) -> None:
        """Let the loop tick every 10 ms, to see how late it is. Costs CPU: not for measurements of CPU per probe."""
        await self._ask("tick")

    async def stall(self, seconds: float) -> None:
        """Block its loop."""
        await self._ask("stall", seconds)

    def freeze(self) -> None:
        self._process.signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._process.signal(signal.SIGCONT)

    async def _ask(self, verb: str, argument: object = None, *, within_s: float = _ANSWER_S) -> Any:  # noqa: ANN401 - JSON
        self._orders.write(json.dumps([verb, argument]).encode() + b"\n")
        async with asyncio.timeout(within_s):
            line = await self._answers.readline()
        self._process.check()
        if not line:
            raise NotMeasured(f"the host broke off:\n{self._process.tail()}")
        return json.loads(line)


@asynccontextmanager
async def host_in(
    machine: Namespace, folder: Path, name: str, *, history: bool = False
) -> AsyncGenerator[HostUnderTest]:
    """Run a host inside; `name` distinguishes its files in the folder from those of others."""
    path = folder / f"{name}.sock"
    command = machine.command(*own_python("benchmarks.probes.host_main", str(path), *(["history"] if history else [])))
    async with running(*command, output=folder / f"{name}.log", ready=printed("ready")) as process:
        answers, orders = await asyncio.open_unix_connection(path, limit=_LONGEST_ANSWER_BYTES)
        host = HostUnderTest(process, orders, answers)
        try:
            yield host
        finally:
            host.thaw()
            orders.close()
        await process.wait(_ANSWER_S)
        if said := process.output.read_text().replace("ready\n", ""):
            raise NotMeasured(f"the host complained:\n{said[-2000:]}")
