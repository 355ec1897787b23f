"""Runs one process of the fleet, and restarts it whenever it ends, until it is stopped."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from random import SystemRandom
from typing import Protocol

from vimesh.cli.base.exits import Failure
from vimesh.cli.processes.stop_signals import Stopping
from vimesh.cli.supervision.log_lines import Say, relay
from vimesh.cli.supervision.silence import LIMIT_S, Mailbox, Silence
from vimesh.cli.supervision.start_process import Program, start
from vimesh.runtime.backoff import Backoff

FIRST_ATTEMPTS = 3
"""Starts before giving up on a process that has never served: then a setting must be wrong."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.2, 5.0
"""Before a process is started again."""
STEADY_S = 10.0
"""A process that ran for this long had not failed to start."""
_ABORT_S = 2.0
"""How long a process may take after SIGABRT to write its stack to the log."""


class Part(Protocol):
    """What to run, and how to find out that it serves."""

    @property
    def name(self) -> str: ...

    def prepare(self) -> Program:
        """Return the program to start. Called before each start."""

    async def ready(self) -> None:
        """Return as soon as the started process serves. Cancelled when the process ends."""

    def ended(self) -> None:
        """Note that the process does not serve any more. Called after each end."""


class SupervisedProcess:
    def __init__(
        self,
        part: Part,
        say: Say,
        changed: Callable[[], None],
        work_record: Path | None = None,
        answers_within_s: float = LIMIT_S,
    ) -> None:
        """With a `work_record`, the process must send heartbeats, and is killed when they stop."""
        self._part = part
        self._say = say
        self._changed = changed
        self._work_record = work_record
        self._answers_within_s = answers_within_s
        self._stopping = asyncio.Event()
        self._process: asyncio.subprocess.Process | None = None
        self.served = asyncio.Event()
        """Set once the process has served for the first time."""

    @property
    def name(self) -> str:
        return self._part.name

    @property
    def pid(self) -> int | None:
        """Process id; None while the process does not run."""
        running = self._process is not None and self._process.returncode is None
        return self._process.pid if running and self._process else None

    async def run(self) -> None:
        """Keep the process running until `stop`. Raises Failure if it never serves."""
        backoff = Backoff(first_s=FIRST_PAUSE_S, longest_s=LONGEST_PAUSE_S, random=SystemRandom())
        attempts = 0
        while not self._stopping.is_set():
            began = time.monotonic()
            ended = await self._attempt()
            if self._stopping.is_set():
                return
            attempts += 1
            if not self.served.is_set() and attempts == FIRST_ATTEMPTS:
                raise Failure(f"{self.name} does not start: it {ended}", hint="see the end of its log")
            pause_s = pause_after(time.monotonic() - began, backoff)
            self._say("vimesh", f"{self.name} {ended}; restarting in {pause_s:.1f} s")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause_s):
                    await self._stopping.wait()

    async def _attempt(self) -> str:
        """Run the process once and return how it ended. An OSError counts as an end: resources may be short."""
        ended = ""
        try:
            ended = _ending(await self._run_once())
        except* OSError as trouble:
            ended = f"cannot run: {trouble.exceptions[0]}"
        return ended

    async def _run_once(self) -> int:
        with ExitStack() as scope:
            silence = self._expect_heartbeats(scope)
            program = self._part.prepare()
            process = self._process = await start(program.told(silence.environment) if silence else program)
            self._changed()
            try:
                # `stop` may have been called while the process was starting.
                return 0 if self._stopping.is_set() else await self._accompany(process, silence)
            finally:
                self._part.ended()
                await self._kill()
                self._changed()

    def _expect_heartbeats(self, scope: ExitStack) -> Silence | None:
        if self._work_record is None or sys.platform != "linux":
            return None
        return Silence(scope.enter_context(Mailbox()), self._work_record, limit_s=self._answers_within_s)

    async def _accompany(self, process: asyncio.subprocess.Process, silence: Silence | None) -> int:
        """Relay the output of the process until it ends. Returns the exit code."""
        async with asyncio.TaskGroup() as tasks:
            if process.stdout is not None:
                tasks.create_task(relay(self.name, process.stdout, self._say))
            beside = [tasks.create_task(self._become_ready())]
            if silence is not None:
                beside.append(tasks.create_task(self._end_silence(process, silence)))
            code = await process.wait()
            for task in beside:
                task.cancel()
            return code

    async def _end_silence(self, process: asyncio.subprocess.Process, silence: Silence) -> None:
        silent_s = await silence.lasts_too_long(process.pid)
        self._say("vimesh", f"{self.name} did not answer for {silent_s:.1f} s{silence.work()}: restarting")
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGABRT)
        # This task is cancelled when the process ends, so the kill is only reached if it has not.
        await asyncio.sleep(_ABORT_S)
        await self._kill()

    async def _become_ready(self) -> None:
        await self._part.ready()
        if self.served.is_set():
            self._say("vimesh", f"{self.name} is back")
        self.served.set()
        self._changed()

    async def stop(self, limit_s: float, stopping: Stopping) -> None:
        """Send SIGTERM; kill the process after `limit_s`, or when the user sends a second signal."""
        self._stopping.set()
        process = self._process
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        async with asyncio.TaskGroup() as tasks:
            ended = tasks.create_task(process.wait())
            urged = tasks.create_task(stopping.urged())
            await asyncio.wait((ended, urged), timeout=limit_s, return_when=asyncio.FIRST_COMPLETED)
            urged.cancel()
            if not ended.done():
                self._say("vimesh", f"{self.name} does not stop; killing it")
                await self._kill()

    async def _kill(self) -> None:
        process = self._process
        if process is not None and process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()


def _ending(code: int) -> str:
    return f"was killed by {signal.Signals(-code).name}" if code < 0 else f"exited with code {code}"


def pause_after(ran_s: float, backoff: Backoff) -> float:
    """Return the pause before a process that ran for so long is started again."""
    if ran_s >= STEADY_S:
        backoff.reset()
    return backoff.pause_s()
