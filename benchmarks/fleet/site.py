"""Runs a fleet under measurement: `vimesh up` inside a namespace, as a user starts it, and commands next to it."""

from __future__ import annotations

import asyncio
import json
import resource
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.harness.failure import NotMeasured
from benchmarks.harness.peers import ROOT
from tests.support.deployments.fleets import VIMESH, Fleet, starting_fleet
from tests.support.networks.namespaces import Namespace


@dataclass(frozen=True, slots=True)
class Done:
    """The outcome of a command."""

    seconds: float
    cpu_s: float
    document: Any
    """The JSON that it printed."""


def _unheard(_line: str) -> None:
    """Do nothing: the lines are not needed."""


@dataclass(frozen=True, slots=True)
class Site:
    inside: Namespace
    fleet: Fleet
    folder: Path
    """Contains the database and the logs, and files that a benchmark puts next to them."""
    started_at: float
    """When the first of its processes was started, by the clock of the machine."""

    @property
    def address(self) -> str:
        return self.fleet.address

    @property
    def database(self) -> Path:
        return self.folder / "data" / "vimesh.sqlite"

    def pids(self) -> dict[str, int]:
        """Return the pids of the processes by name, and that of `vimesh up` itself as `up`."""
        state = json.loads((self.folder / "data" / "fleet.json").read_text())
        return {process["name"]: process["pid"] for process in state["processes"]} | {"up": state["pid"]}

    def vimesh(self, *words: str) -> list[str]:
        """Return the command line of a vimesh command that connects to this fleet."""
        return self.inside.command(str(VIMESH), *words, "--address", self.address)

    async def run(self, *command: str, within_s: float, told: Callable[[str], None] = _unheard) -> Done:
        """Run a command to its end. `told` receives its messages for people, line by line. Raises NotMeasured."""
        written = self.folder / "command.out"
        with written.open("wb") as output:
            begun, before = time.perf_counter(), _cpu_of_the_ended()
            process = await asyncio.create_subprocess_exec(
                *command, cwd=ROOT, stdin=asyncio.subprocess.DEVNULL, stdout=output, stderr=asyncio.subprocess.PIPE
            )
        assert process.stderr is not None
        last = ""
        try:
            async with asyncio.timeout(within_s):
                async for line in process.stderr:
                    last = line.decode(errors="replace").rstrip()
                    told(last)
                await process.wait()
        except TimeoutError:
            raise NotMeasured(f"{command} does not end within {within_s:g} s: {last}") from None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        seconds, cpu_s = time.perf_counter() - begun, _cpu_of_the_ended() - before
        if process.returncode:
            raise NotMeasured(f"{command} ended with {process.returncode}: {last}")
        return Done(seconds, cpu_s, _document(written))


@asynccontextmanager
async def running_site(inside: Namespace, folder: Path) -> AsyncGenerator[Site]:
    """Start a fleet on the content of the folder, which may be empty, and stop it when the block ends."""
    started_at = time.time()
    async with starting_fleet(folder, prefix=inside.command()) as fleet:
        yield Site(inside, fleet, folder, started_at)


def _document(path: Path) -> Any:  # noqa: ANN401 - what JSON holds
    return json.loads(path.read_bytes())


def _cpu_of_the_ended() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
