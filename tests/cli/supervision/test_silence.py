"""A process that does not answer is ended and started again; one that only had no chance to is not."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
import sys
import time
from pathlib import Path

import pytest

from vimesh.cli.processes.stop_signals import Stopping
from vimesh.cli.supervision.silence import TICK_S, Mailbox, Silence
from vimesh.cli.supervision.start_process import Program
from vimesh.cli.supervision.supervised_process import SupervisedProcess
from vimesh.watchdog.supervisor_link import SOCKET_VARIABLE, Supervisor, SupervisorLink
from vimesh.watchdog.work_record import open_record

VIM = "c411c64a-ebcc-4f5b-927d-80a77af57a94"
LIMIT_S = 1.5
BEATS_UNTIL_HELD = f"""
import asyncio, faulthandler, os, re, sys, time
from pathlib import Path
from vimesh.watchdog.heartbeat import beating
from vimesh.watchdog.supervisor_link import SupervisorLink, pop_supervisor
from vimesh.watchdog.work_record import open_record, record_path
async def main():
    with open_record(record_path(os.environ, "x")) as opened, SupervisorLink(pop_supervisor(os.environ)) as link:
        assert not {{"NOTIFY_SOCKET", "WATCHDOG_USEC"}} & set(os.environ)
        with beating(link, str):
            link.notify_ready()
            print("ready", flush=True)
            await asyncio.sleep({LIMIT_S})
            if opened.unfinished is None:
                print("holding", flush=True)
                opened.record.begin(time.monotonic(), b"{VIM}")
                # One call of C, in which no thread of this process runs.
                re.match("(a*)*b", "a" * 60)
            print("after", opened.unfinished.text, flush=True)
            await asyncio.sleep(60)
faulthandler.enable()
asyncio.run(main())
"""
NEVER_READY = f"""
import time
print("quiet", flush=True)
time.sleep(2 * {LIMIT_S})
print("alive", flush=True)
time.sleep(60)
"""


class Script:
    """A part that serves from the start."""

    name = "script"

    def __init__(self, code: str) -> None:
        self._code = code

    def prepare(self) -> Program:
        return Program([sys.executable, "-c", self._code], dict(os.environ))

    async def ready(self) -> None:
        """It serves nobody."""

    def ended(self) -> None:
        """Nobody to tell."""


class Log:
    """What a supervised process and its supervisor say."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._news = asyncio.Event()

    def say(self, _: str, line: str) -> None:
        self.lines.append(line)
        self._news.set()

    async def line_with(self, text: str) -> str:
        async with asyncio.timeout(30):
            while not (found := [line for line in self.lines if text in line]):
                self._news.clear()
                await self._news.wait()
        return found[0]


def ignore() -> None:
    """Take no notice of a change."""


async def test_a_process_that_is_held_is_ended_with_its_traceback_and_the_next_one_knows_by_what(
    tmp_path: Path,
) -> None:
    log = Log()
    supervised = SupervisedProcess(Script(BEATS_UNTIL_HELD), log.say, ignore, tmp_path / "script.work", LIMIT_S)
    async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
        tasks.create_task(supervised.run())
        told = await log.line_with("did not answer")
        await log.line_with("killed by SIGABRT; restarting")
        await log.line_with(f"after {VIM}")
        await supervised.stop(1, Stopping())

    assert re.fullmatch(rf"script did not answer for \d\.\d s while working on VIM {VIM}: restarting", told)
    assert log.lines.index("holding") < log.lines.index(told)
    assert any("in match" in line for line in log.lines), "SIGABRT shows where it was"


async def test_a_process_that_is_not_ready_yet_has_more_time(tmp_path: Path) -> None:
    log = Log()
    supervised = SupervisedProcess(Script(NEVER_READY), log.say, ignore, tmp_path / "script.work", LIMIT_S)
    async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
        tasks.create_task(supervised.run())
        await log.line_with("alive")
        await supervised.stop(1, Stopping())

    assert log.lines == ["quiet", "alive"]


async def test_a_stopped_process_is_killed_and_replaced(tmp_path: Path) -> None:
    log = Log()
    supervised = SupervisedProcess(Script(BEATS_UNTIL_HELD), log.say, ignore, tmp_path / "script.work", LIMIT_S)
    async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
        tasks.create_task(supervised.run())
        await log.line_with("ready")
        os.kill(supervised.pid or 0, signal.SIGSTOP)
        # It cannot even hear SIGABRT.
        await log.line_with("was killed by SIGKILL")
        await supervised.stop(1, Stopping())

    assert any(line.endswith(" s: restarting") for line in log.lines), "it was at rest: no VIM is named"


class Machine:
    """A clock that stands still for this process while a test says so."""

    def __init__(self) -> None:
        self.slept_s = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.slept_s


async def test_a_supervisor_that_did_not_run_itself_ends_nobody(tmp_path: Path) -> None:
    machine = Machine()
    with Mailbox() as mailbox, SupervisorLink(Supervisor(mailbox.address)) as link:
        silence = Silence(mailbox, tmp_path / "x.work", limit_s=4 * TICK_S, clock=machine)
        async with asyncio.timeout(30):
            link.notify_ready()
            waiting = asyncio.create_task(silence.lasts_too_long(os.getpid()))
            for _ in range(6):
                # The machine sleeps for a minute between two looks, and then the process is heard again.
                await asyncio.wait((waiting,), timeout=TICK_S)
                machine.slept_s += 60
                await asyncio.wait((waiting,), timeout=TICK_S)
                link.notify_alive()
            assert not waiting.done()
            # Nor did it sleep, and still there is nothing to hear.
            silent_s = await waiting

    assert 4 * TICK_S < silent_s < 30


async def test_a_start_that_is_held_ends_too_but_one_that_shows_itself_may_take_any_time(tmp_path: Path) -> None:
    with Mailbox() as mailbox, SupervisorLink(Supervisor(mailbox.address)) as link:
        silence = Silence(mailbox, tmp_path / "x.work", limit_s=TICK_S, start_limit_s=4 * TICK_S)
        async with asyncio.timeout(30):
            waiting = asyncio.create_task(silence.lasts_too_long(os.getpid()))
            for _ in range(8):
                link.notify_alive()
                await asyncio.wait((waiting,), timeout=TICK_S)
            assert not waiting.done()
            silent_s = await waiting

    assert 4 * TICK_S < silent_s < 30


async def test_nobody_else_can_speak_for_a_process() -> None:
    with Mailbox() as mailbox, SupervisorLink(Supervisor(mailbox.address)) as link:
        code = f"import socket; socket.socket(1, 2).sendto(b'READY=1', {chr(0) + mailbox.address[1:]!r})"
        stranger = await asyncio.create_subprocess_exec(sys.executable, "-c", code)
        assert await asyncio.wait_for(stranger.wait(), 20) == 0
        link.notify_alive()

        assert list(mailbox.take(os.getpid())) == ["WATCHDOG=1"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (VIM, f" while working on VIM {VIM}"),
        ("/vimesh.v1.VimService/ListVims", " while working on /vimesh.v1.VimService/ListVims"),
        (None, ""),
    ],
)
def test_what_it_worked_on_is_said_in_words(tmp_path: Path, text: str | None, said: str) -> None:
    path = tmp_path / "x.work"
    with Mailbox() as mailbox, open_record(path) as opened:
        if text is not None:
            opened.record.begin(time.monotonic(), text.encode())

        assert Silence(mailbox, path).work() == said


def test_a_mailbox_is_where_sd_notify_finds_it(tmp_path: Path) -> None:
    with Mailbox() as mailbox, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as client:
        environment = Silence(mailbox, tmp_path / "x.work").environment
        client.sendto(b"READY=1\nSTATUS=up", "\0" + environment[SOCKET_VARIABLE][1:])

        assert list(mailbox.take(os.getpid())) == ["READY=1", "STATUS=up"]
        assert environment["WATCHDOG_USEC"] == "10000000"
        assert environment["VIMESH_WORK_RECORD"] == str(tmp_path / "x.work")
