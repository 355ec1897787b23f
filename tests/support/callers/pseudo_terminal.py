"""A command on a real (pseudo) terminal of its own."""

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
from collections.abc import Mapping
from types import MappingProxyType

from tests.support.callers.commands import VIMESH, Command, clean_environment

_LIMIT_S = 10.0


class PseudoTerminal:
    """A command that runs on a terminal of its own."""

    def __init__(
        self,
        user: Command,
        *arguments: str,
        columns: int = 160,
        lines: int = 30,
        encoding: str = "utf-8",
        environment: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._screen, side = pty.openpty()
        self._encoding = encoding
        self._set_size(columns, lines)
        # The size is that of the terminal, and colours are as the command finds them.
        own = {"TERM": "xterm-256color", "NO_COLOR": "", **environment}
        seen = {key: value for key, value in clean_environment(**user.environment, **own).items() if value}
        self._process = subprocess.Popen(
            [*VIMESH, *arguments],
            env={key: value for key, value in seen.items() if key not in {"COLUMNS", "LINES"}},
            cwd=user.folder,
            stdin=side,
            stdout=side,
            stderr=side,
            start_new_session=True,
        )
        os.close(side)
        self.seen = ""
        self.echoes_at_end = False
        """Whether the command has left a terminal that shows what is typed."""

    @property
    def pid(self) -> int:
        return self._process.pid

    def resize(self, columns: int, lines: int) -> None:
        """Change the size, and say so as the kernel does to what a terminal controls."""
        self._set_size(columns, lines)
        self._process.send_signal(signal.SIGWINCH)

    def _set_size(self, columns: int, lines: int) -> None:
        fcntl.ioctl(self._screen, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def echoes(self) -> bool:
        """Return whether the terminal shows what is typed."""
        local_modes: int = termios.tcgetattr(self._screen)[3]
        return bool(local_modes & termios.ECHO)

    def type(self, keys: str) -> None:
        os.write(self._screen, keys.encode(self._encoding))

    def shows(self, text: str, within_s: float = _LIMIT_S) -> None:
        """Wait until the command writes a text that it has not written since the last call."""
        deadline = time.monotonic() + within_s
        since = len(self.seen)
        while text not in self.seen[since:]:
            ready, _, _ = select.select([self._screen], [], [], max(0, deadline - time.monotonic()))
            assert ready, f"{text!r} is not in {self.seen[since:]!r}"
            self.seen += os.read(self._screen, 65536).decode(self._encoding)

    def interrupt(self) -> int:
        """Press Ctrl-C as a shell's terminal does, and return the exit code."""
        self._process.send_signal(signal.SIGINT)
        return self.ended()

    def ended(self, within_s: float = _LIMIT_S) -> int:
        """Return the exit code. What is written until then is read, so that the command can write it."""
        deadline = time.monotonic() + within_s
        while self._process.poll() is None and time.monotonic() < deadline:
            if select.select([self._screen], [], [], 0.05)[0]:
                try:
                    self.seen += os.read(self._screen, 65536).decode(self._encoding, "replace")
                except OSError:  # the command has closed its side
                    break
        code = self._process.wait(max(0.1, deadline - time.monotonic()))
        self.echoes_at_end = self.echoes()
        os.close(self._screen)
        return code

    def close(self) -> None:
        """End the command, if a test did not get so far."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
            os.close(self._screen)
