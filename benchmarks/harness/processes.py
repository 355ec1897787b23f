"""Runs processes of our own: started with a ready condition, stopped by their pid."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

_STOP_S = 20.0
_LOOK_EVERY_S = 0.02


class ProcessFailed(Exception):
    """A process ended, or was not ready in time. The message is the end of its output."""


class Process:
    """A program with all its children: it leads a process group of its own."""

    def __init__(self, process: asyncio.subprocess.Process, output: Path) -> None:
        self._process = process
        self.pid = process.pid
        self.output = output
        """Its output, of both streams."""

    @property
    def running(self) -> bool:
        return self._process.returncode is None

    def check(self) -> None:
        """Raise ProcessFailed if it has ended."""
        if not self.running:
            raise ProcessFailed(f"ended with {self._process.returncode}:\n{self.tail()}")

    def tail(self) -> str:
        return self.output.read_text(errors="replace")[-3000:]

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    async def wait(self, within_s: float) -> None:
        """Wait until it ends by itself. Raises TimeoutError, and ProcessFailed if it failed."""
        async with asyncio.timeout(within_s):
            await self._process.wait()
        if self._process.returncode:
            raise ProcessFailed(f"ended with {self._process.returncode}:\n{self.tail()}")

    async def stop(self, within_s: float = _STOP_S) -> None:
        """Ask it to end; if it does not in time, or leaves members of its group behind, kill them."""
        with suppress(ProcessLookupError):
            self._process.terminate()
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await self._process.wait()
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        await self._process.wait()


@asynccontextmanager
async def running(
    *command: str | Path,
    output: Path,
    ready: Callable[[Process], Awaitable[bool]] | None = None,
    within_s: float = 30.0,
    environment: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> AsyncGenerator[Process]:
    """Run a program for as long as the block lasts. `ready` is polled; raises ProcessFailed.

    `environment` is added to ours. `output` receives the output of the program.
    """
    with output.open("wb") as file:
        started = await asyncio.create_subprocess_exec(
            *command,
            env={**os.environ, **(environment or {})},
            stdout=file,
            stderr=file,
            cwd=cwd,
            start_new_session=True,
        )
    process = Process(started, output)
    try:
        if ready is not None:
            await _until_ready(process, ready, within_s)
        yield process
    finally:
        await process.stop()


async def run_to_end(
    command: Sequence[str], *, within_s: float, cwd: Path | None = None, errors_apart: bool = False
) -> str:
    """Run a program, and return its output: both streams as one, or its standard output alone.

    Raises ProcessFailed if it fails, and TimeoutError.
    """
    process = await asyncio.create_subprocess_exec(
        *command,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE if errors_apart else asyncio.subprocess.STDOUT,
        cwd=cwd,
    )
    try:
        async with asyncio.timeout(within_s):
            out, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        said = (err if errors_apart else out).decode(errors="replace")
        raise ProcessFailed(f"{command[0]} ended with {process.returncode}:\n{said[-3000:]}")
    return out.decode(errors="replace")


async def _until_ready(process: Process, ready: Callable[[Process], Awaitable[bool]], within_s: float) -> None:
    try:
        async with asyncio.timeout(within_s):
            while not await ready(process):
                process.check()
                await asyncio.sleep(_LOOK_EVERY_S)
    except TimeoutError:
        raise ProcessFailed(f"not ready within {within_s:.0f} s:\n{process.tail()}") from None


def printed(text: str) -> Callable[[Process], Awaitable[bool]]:
    """Return a ready condition: the program has printed this."""

    async def ready(process: Process) -> bool:
        return text in process.output.read_text(errors="replace")

    return ready
