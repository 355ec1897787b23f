"""Runs the embedded fleet as a user does: `vimesh up` with all its processes, on a free port, in its own folder."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.support.clouds.targets import free_port
from tests.support.timing.waiting import until

VIMESH = Path(sys.executable).with_name("vimesh")
READY = "vimesh is up"
_START_S = 100
"""Seven processes start at once: that takes ten seconds of a core and more, on a machine that has other work."""
_STOP_S = 20


@dataclass(frozen=True)
class Fleet:
    address: str
    process: asyncio.subprocess.Process
    log: Path

    def pids(self, *words: str) -> list[int]:
        """Return the children of `vimesh up` that were started with all these words, the oldest first."""
        return [pid for pid in children(self.process.pid) if set(words) <= command_line(pid)]

    def kill(self, *words: str) -> int:
        """Kill one child without warning, and return its pid."""
        pid = self.pids(*words)[0]
        os.kill(pid, signal.SIGKILL)
        return pid


def children(parent: int) -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            # The name in brackets may contain blanks; the fields after it are at fixed positions.
            if int(stat.read_text().rpartition(")")[2].split()[1]) == parent:
                found.append(int(stat.parent.name))
    return sorted(found)


def command_line(pid: int) -> set[str]:
    """Return the words of a command line, with programs stripped of their folders."""
    with suppress(OSError):
        return {word.rpartition("/")[2] for word in Path(f"/proc/{pid}/cmdline").read_text().split("\0")}
    return set()


@asynccontextmanager
async def starting_fleet(folder: Path, *flags: str, prefix: Sequence[str] = ()) -> AsyncGenerator[Fleet]:
    """Start the fleet, wait until it prints that it is ready, and stop it as Ctrl-C does.

    It asks nobody who he is, unless `--secured` is among the flags.
    """
    port, log = free_port(), folder / "up.log"
    command = [*prefix, str(VIMESH), "up", "--port", str(port), "--data-dir", str(folder / "data"), *flags]
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdout=output,
            stderr=output,
            start_new_session=True,
            # Versions without certificates, which benchmarks compare with, do not know the flag.
            env=os.environ | {"VIMESH_UP_SECURED": "no"},
        )
    fleet = Fleet(f"127.0.0.1:{port}", process, log)
    try:
        await until(lambda: READY in log.read_text() or process.returncode is not None, _START_S)
        assert process.returncode is None, f"vimesh up ended:\n{log.read_text()}"
        yield fleet
    finally:
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGINT)
        try:
            await asyncio.wait_for(process.wait(), _STOP_S)
        except TimeoutError:
            process.kill()
            await process.wait()
            raise AssertionError(f"vimesh up did not stop:\n{log.read_text()}") from None
