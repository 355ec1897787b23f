"""Runs a server with all its children: it leads a process group of its own, and the group ends as a whole."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from tests.support.timing.waiting import until

_STOP_S = 20


class ProcessGroup:
    def __init__(self, process: asyncio.subprocess.Process, output: Path) -> None:
        self._process = process
        self._output = output

    @classmethod
    async def start(
        cls, *command: str | Path, environment: Mapping[str, str], output: Path, user: str | None = None
    ) -> ProcessGroup:
        """Start a program, by default as the current user; its output is appended to a file."""
        # Not by subprocess's own `user`: that forks for longer, which the threads of gRPC do not survive.
        as_user = () if user is None else ("setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups")
        with output.open("ab") as file:
            process = await asyncio.create_subprocess_exec(
                *as_user, *command, env=environment, stdout=file, stderr=file, cwd=output.parent, start_new_session=True
            )
        return cls(process, output)

    @property
    def running(self) -> bool:
        return self._process.returncode is None

    @property
    def succeeded(self) -> bool:
        return self._process.returncode == 0

    async def wait(self) -> None:
        """Wait until the leader ends by itself."""
        await self._process.wait()

    async def stop(self, *, fast: bool = False) -> None:
        """Ask the leader to end, and ensure that it does. Processes left behind are killed.

        `fast` sends SIGINT as Ctrl-C does, which has another meaning for some servers.
        """
        with suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGINT if fast else signal.SIGTERM)
        try:
            await asyncio.wait_for(self._process.wait(), _STOP_S)
        except TimeoutError:
            raise AssertionError(f"did not stop:\n{self._output.read_text()}") from None
        finally:
            await self.kill()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to all of them, including those that lead groups of their own, as PostgreSQL's do."""
        for pid in _descendants(self._process.pid):
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    async def kill(self) -> None:
        """Kill them all at once, without warning, and wait until none is left: it could hold what a successor needs."""
        members = _descendants(self._process.pid)
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        for pid in members[1:]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        await self._process.wait()
        await until(lambda: not any(map(_runs, members)), _STOP_S)


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def _descendants(pid: int) -> list[int]:
    """Return a process and all its descendants."""
    try:
        forked = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except FileNotFoundError:
        return []
    return [pid, *(descendant for child in forked for descendant in _descendants(int(child)))]
