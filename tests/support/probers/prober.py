"""Runs a prober in a process of its own, inside a namespace."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections import Counter
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.support.networks.namespaces import Namespace
from tests.support.probers import prober_main
from tests.support.probers.verdicts import PATIENCE_S
from vimesh.domain.probing import ProbePolicy
from vimesh.domain.vims import Status

_COMMAND = (sys.executable, str(Path(prober_main.__file__)))


@dataclass(frozen=True, slots=True)
class Told:
    """A verdict as the process reported it."""

    vim_id: str
    status: Status
    reason: str
    detail: str
    seen_at: float


class Prober:
    """The process, as a test sees it."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.methods: list[str] = []
        self.told: list[Told] = []
        self.now: dict[str, Told] = {}
        """The newest verdict on each VIM."""
        self._counts: Counter[Status] = Counter()

    def count_of(self, status: Status) -> int:
        """Return how many VIMs have the status."""
        return self._counts[status]

    @property
    def pid(self) -> int:
        return self._process.pid

    def start(self, vim_id: str, auth_url: str, policy: ProbePolicy) -> None:
        self._order(start=[vim_id, auth_url, asdict(policy)])

    def stop(self, vim_id: str) -> None:
        self._order(stop=vim_id)

    def stall(self, seconds: float) -> None:
        """Block the loop of the process."""
        self._order(stall=seconds)

    async def until(self, reached: Callable[[], bool], *, patience_s: float = PATIENCE_S) -> None:
        """Read verdicts until the condition holds."""
        async with asyncio.timeout(patience_s):
            while not reached():
                await self._take_in()

    async def until_status(self, vim_id: str, status: Status) -> Told:
        await self.until(lambda: vim_id in self.now and self.now[vim_id].status is status)
        return self.now[vim_id]

    async def greet(self) -> None:
        async with asyncio.timeout(PATIENCE_S):
            self.methods = await self._line()

    def _order(self, **order: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order).encode() + b"\n")

    async def _take_in(self) -> None:
        vim_id, status, reason, detail, seen_at = await self._line()
        told = Told(vim_id, Status(status), reason, detail, float(seen_at))
        self.told.append(told)
        if (before := self.now.get(vim_id)) is not None:
            self._counts[before.status] -= 1
        self._counts[told.status] += 1
        self.now[vim_id] = told

    async def _line(self) -> list[str]:
        assert self._process.stdout is not None
        line = await self._process.stdout.readline()
        assert line, "the prober has ended"
        parsed: list[str] = json.loads(line)
        return parsed


@asynccontextmanager
async def prober_in(machine: Namespace, *prefix: str) -> AsyncGenerator[Prober]:
    """Run a prober inside; `prefix` are words before its command line, such as those that drop privileges."""
    async with _prober_by(*machine.command(*prefix, *_COMMAND)) as prober:
        yield prober


@asynccontextmanager
async def prober_here() -> AsyncGenerator[Prober]:
    """Run a prober on this machine."""
    async with _prober_by(*_COMMAND) as prober:
        yield prober


@asynccontextmanager
async def _prober_by(*command: str) -> AsyncGenerator[Prober]:
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    try:
        prober = Prober(process)
        await prober.greet()
        yield prober
    finally:
        assert process.stdin is not None
        process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), PATIENCE_S)
        except TimeoutError:
            process.kill()  # its loop is blocked, and never reads the end of its input
            await process.wait()
            raise
