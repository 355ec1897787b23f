"""What is shown on a real (pseudo) terminal."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time

import pytest

from tests.cli.targets import Target
from tests.support.callers.commands import VIMESH, Command, clean_environment

pytestmark = pytest.mark.fleet

WIDE = struct.pack("HHHH", 30, 160, 0, 0)


class Terminal:
    """A command that runs on a terminal of its own."""

    def __init__(self, user: Command, *arguments: str) -> None:
        self._screen, side = pty.openpty()
        fcntl.ioctl(side, termios.TIOCSWINSZ, WIDE)
        environment = clean_environment(**user.environment, TERM="xterm-256color", COLUMNS="160", LINES="30")
        environment.pop("NO_COLOR")
        self._process = subprocess.Popen(
            [*VIMESH, *arguments], env=environment, cwd=user.folder, stdin=side, stdout=side, stderr=side
        )
        os.close(side)
        self.seen = ""

    def shows(self, text: str, within_s: float = 10.0) -> None:
        deadline = time.monotonic() + within_s
        since = len(self.seen)
        while text not in self.seen[since:]:
            ready, _, _ = select.select([self._screen], [], [], max(0, deadline - time.monotonic()))
            assert ready, f"{text!r} is not in {self.seen[since:]!r}"
            self.seen += os.read(self._screen, 65536).decode()

    def end(self) -> int:
        self._process.send_signal(signal.SIGINT)
        code = self._process.wait(10)
        os.close(self._screen)
        return code


def test_watch_keeps_a_table_up_to_date_and_ctrl_c_ends_it_well(user: Command, cloud: Target) -> None:
    user("vim", "register", "on-screen", "--auth-url", cloud.auth_url, "--interval", "500ms", "--timeout", "200ms")
    user("vim", "wait", "on-screen", "--for", "REACHABLE")
    terminal = Terminal(user, "vim", "watch", "on-screen")
    terminal.shows("1 REACHABLE")
    terminal.shows("on-screen")

    cloud.go()
    terminal.shows("1 UNREACHABLE")
    terminal.shows("REFUSED")

    assert terminal.end() == 0
    assert "\x1b[32mREACHABLE" in terminal.seen
