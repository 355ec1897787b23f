"""Runs commands that continue until they are stopped."""

from __future__ import annotations

import json
import os
import queue
import select
import signal
import subprocess
import threading
import time
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from tests.support.callers.commands import VIMESH, clean_environment

_LIMIT_S = 30.0
START_LIMIT_S = 240.0
"""Eight processes start at once: that takes ten seconds of a core and more, on a machine that has other work."""


class Running:
    """One running command, whose output lines can be awaited."""

    def __init__(
        self, folder: Path, *arguments: str, program: Sequence[str | Path] = VIMESH, **environment: str
    ) -> None:
        self.process = subprocess.Popen(
            [*program, *arguments],
            cwd=folder,
            env=clean_environment(**environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.lines: list[str] = []
        self._queue: queue.Queue[str | None] = queue.Queue()
        assert self.process.stdout is not None
        self._reader = threading.Thread(target=self._read, args=(self.process.stdout,))
        self._reader.start()

    def _read(self, source: IO[str]) -> None:
        for line in source:
            self._queue.put(line.rstrip("\n"))
        self._queue.put(None)

    def line_with(self, *texts: str, within_s: float = _LIMIT_S) -> str:
        """Return the next line that contains all the texts."""
        deadline = time.monotonic() + within_s
        while True:
            try:
                line = self._queue.get(timeout=max(0.01, deadline - time.monotonic()))
            except queue.Empty:
                line = None
            assert line is not None, f"never said {texts}, but:\n" + "\n".join(self.lines)
            self.lines.append(line)
            if all(text in line for text in texts):
                return line

    def ended(self, within_s: float = _LIMIT_S) -> int:
        """Wait for the end, and return the exit code."""
        code = self.process.wait(within_s)
        self._reader.join(within_s)
        while (line := self._queue.get()) is not None:
            self.lines.append(line)
        return code

    def interrupt(self) -> None:
        self.process.send_signal(signal.SIGINT)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(12)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self._reader.join(_LIMIT_S)
        assert self.process.stdout is not None
        self.process.stdout.close()


@contextmanager
def running(
    folder: Path, *arguments: str, program: Sequence[str | Path] = VIMESH, **environment: str
) -> Generator[Running]:
    command = Running(folder, *arguments, program=program, **environment)
    try:
        yield command
    finally:
        command.close()


class Fleet(Running):
    """A `vimesh up` on a free port. It asks nobody who he is, unless `--secured` is among the arguments."""

    def __init__(
        self, folder: Path, *arguments: str, program: Sequence[str | Path] = VIMESH, **environment: str
    ) -> None:
        self.data_dir = folder / "data"
        environment = {"VIMESH_UP_SECURED": "no"} | environment
        arguments = ("up", "--port", "0", "--data-dir", str(self.data_dir), *arguments)
        super().__init__(folder, *arguments, program=program, **environment)

    def wait_until_up(self) -> None:
        self.line_with("Ctrl-C stops it", within_s=START_LIMIT_S)

    @property
    def state(self) -> Any:  # noqa: ANN401 - what JSON holds
        return json.loads((self.data_dir / "fleet.json").read_text())

    @property
    def address(self) -> str:
        return str(self.state["address"])

    def pid_of(self, name: str) -> int:
        return next(int(part["pid"]) for part in self.state["processes"] if part["name"] == name)

    def pids(self) -> list[int]:
        return [int(part["pid"]) for part in self.state["processes"]]


@contextmanager
def fleet(
    folder: Path, *arguments: str, program: Sequence[str | Path] = VIMESH, **environment: str
) -> Generator[Fleet]:
    """Run a fleet; it is ready when the block starts."""
    made = Fleet(folder, *arguments, program=program, **environment)
    try:
        made.wait_until_up()
        yield made
    finally:
        made.close()


@contextmanager
def ends_of(pids: Iterable[int]) -> Generator[list[int]]:
    """Return handles that report the end of processes, including those that are not our children."""
    handles = [os.pidfd_open(pid) for pid in pids]
    try:
        yield handles
    finally:
        for handle in handles:
            os.close(handle)


def has_ended(handle: int, within_s: float) -> bool:
    return bool(select.select([handle], [], [], within_s)[0])
