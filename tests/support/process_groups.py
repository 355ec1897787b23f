"""A server with all that it forks: it leads a process group of its own, and the group ends as a whole."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

_STOP_S = 20


class ProcessGroup:
    def __init__(self, process: asyncio.subprocess.Process, output: Path) -> None:
        self._process = process
        self._output = output

    @classmethod
    async def start(cls, *command: str | Path, environment: Mapping[str, str], output: Path) -> ProcessGroup:
        """Start a program; what it prints is added to a file."""
        with output.open("ab") as file:
            process = await asyncio.create_subprocess_exec(
                *command, env=environment, stdout=file, stderr=file, cwd=output.parent, start_new_session=True
            )
        return cls(process, output)

    @property
    def running(self) -> bool:
        return self._process.returncode is None

    @property
    def succeeded(self) -> bool:
        return self._process.returncode == 0

    async def stop(self) -> None:
        """Ask the leader to end, and see that it does. What it leaves behind is killed."""
        with suppress(ProcessLookupError):
            self._process.terminate()
        try:
            await asyncio.wait_for(self._process.wait(), _STOP_S)
        except TimeoutError:
            raise AssertionError(f"did not stop:\n{self._output.read_text()}") from None
        finally:
            await self.kill()

    async def kill(self) -> None:
        """Kill them all at once, without warning."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        await self._process.wait()
