"""One process that is kept running: real ones, which end as they are told."""

from __future__ import annotations

import asyncio
import os
import sys
from random import Random

import pytest

from vimesh.cli.base.exits import Failure
from vimesh.cli.processes.stop_signals import Stopping
from vimesh.cli.supervision.start_process import Program
from vimesh.cli.supervision.supervised_process import FIRST_ATTEMPTS, STEADY_S, SupervisedProcess, pause_after
from vimesh.runtime.backoff import Backoff

ENDS_WELL = "import time; print('here', flush=True); time.sleep(60)"
ENDS_NEVER = "import signal, time; signal.signal(15, signal.SIG_IGN); print('here', flush=True); time.sleep(60)"


class Script:
    """A part that is ready as soon as it has said something."""

    name = "script"

    def __init__(self, code: str) -> None:
        self._code = code
        self.said = asyncio.Event()
        self.starts = 0

    def prepare(self) -> Program:
        self.starts += 1
        self.said.clear()
        return Program([sys.executable, "-I", "-S", "-c", self._code], dict(os.environ))

    async def ready(self) -> None:
        await self.said.wait()

    def ended(self) -> None:
        """Nobody to tell."""

    def hear(self, name: str, line: str) -> None:
        if (name, line) == (self.name, "here"):
            self.said.set()


def ignore() -> None:
    """Take no notice of a change."""


@pytest.mark.parametrize("code", [ENDS_WELL, ENDS_NEVER])
async def test_a_process_is_stopped_and_killed_if_it_must_be(code: str) -> None:
    script = Script(code)
    supervised = SupervisedProcess(script, script.hear, ignore)
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        tasks.create_task(supervised.run())
        await supervised.served.wait()
        assert supervised.pid is not None
        await supervised.stop(0.3, Stopping())

    assert supervised.pid is None
    assert script.starts == 1


async def test_a_process_that_ends_is_started_again() -> None:
    script = Script(ENDS_WELL)
    again = asyncio.Event()

    def hear(name: str, line: str) -> None:
        script.hear(name, line)
        if script.starts == 2 and line == "here":
            again.set()

    supervised = SupervisedProcess(script, hear, ignore)
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        tasks.create_task(supervised.run())
        await supervised.served.wait()
        os.kill(supervised.pid or 0, 9)
        await again.wait()
        await supervised.stop(1, Stopping())


async def test_a_machine_that_is_short_of_something_only_delays_the_next_start() -> None:
    started_again, told = asyncio.Event(), list[str]()

    class Short(Script):
        def prepare(self) -> Program:
            program = super().prepare()
            if self.starts == 2:
                raise BlockingIOError(11, "Resource temporarily unavailable")
            return program

    script = Short(ENDS_WELL)

    def hear(name: str, line: str) -> None:
        script.hear(name, line)
        told.append(line)
        if script.starts == 3 and line == "here":
            started_again.set()

    supervised = SupervisedProcess(script, hear, ignore)
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        tasks.create_task(supervised.run())
        await supervised.served.wait()
        os.kill(supervised.pid or 0, 9)
        await started_again.wait()
        await supervised.stop(1, Stopping())

    assert any("cannot run: [Errno 11]" in line for line in told)


async def test_a_process_that_never_serves_is_given_up() -> None:
    script = Script("raise SystemExit(3)")
    supervised = SupervisedProcess(script, script.hear, ignore)

    with pytest.raises(Failure, match="script does not start: it exited with code 3"):
        await supervised.run()

    assert script.starts == FIRST_ATTEMPTS


def test_a_process_that_ran_steadily_is_started_again_as_soon_as_one_that_fails_for_the_first_time() -> None:
    backoff = Backoff(first_s=1.0, longest_s=60.0, random=Random(1), least_part=1.0)

    assert [pause_after(ran_s, backoff) for ran_s in (0, 1, STEADY_S - 1, STEADY_S, 0)] == [1, 2, 4, 1, 2]
