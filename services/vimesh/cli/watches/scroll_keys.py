"""Scrolls a live table by the keys that people press."""

from __future__ import annotations

import asyncio
import os
import re
import sys
import termios
import tty
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Final

_MAX_BYTES: Final = 1024
_KEY = re.compile(rb"\x1b[\[O](?:[0-9;]*[A-Za-z~])|.", re.DOTALL)
_LINES: Final = {b"\x1b[A": -1, b"\x1bOA": -1, b"k": -1, b"\x1b[B": 1, b"\x1bOB": 1, b"j": 1}
_PAGES: Final = {b"\x1b[5~": -1, b"b": -1, b"\x1b[6~": 1, b" ": 1}
_TO_TOP: Final = frozenset({b"\x1b[H", b"\x1bOH", b"\x1b[1~", b"g"})
_TO_END: Final = frozenset({b"\x1b[F", b"\x1bOF", b"\x1b[4~", b"G"})


class ScrollPosition:
    """Which row of a table is the first on the screen."""

    def __init__(self) -> None:
        self._first = 0
        self._room = 1
        self._count = 0

    def first(self, count: int, room: int) -> int:
        """Return the number of the first row, if there are so many rows and room for so many."""
        self._count, self._room = count, room
        self._first = max(0, min(self._first, count - room))
        return self._first

    def press(self, keys: bytes) -> None:
        for key in _KEY.findall(keys):
            if key in _LINES:
                self._first += _LINES[key]
            elif key in _PAGES:
                self._first += _PAGES[key] * self._room
            elif key in _TO_TOP:
                self._first = 0
            elif key in _TO_END:
                self._first = self._count - self._room
            self._first = max(0, min(self._first, self._count - self._room))


@contextmanager
def keys_read(press: Callable[[bytes], object]) -> Generator[None]:
    """Call a function with the keys that are pressed while the block runs, and do not show them.

    Nothing is read of what is no terminal, or the terminal of another program.
    """
    if sys.stdin is None or not sys.stdin.isatty() or not _is_ours(sys.stdin.fileno()):
        yield
        return
    terminal, loop = sys.stdin.fileno(), asyncio.get_running_loop()
    before = termios.tcgetattr(terminal)

    def read() -> None:
        keys = os.read(terminal, _MAX_BYTES)
        if not keys:
            loop.remove_reader(terminal)
        press(keys)

    tty.setcbreak(terminal, termios.TCSADRAIN)  # Ctrl-C and Ctrl-Z still are what they were
    loop.add_reader(terminal, read)
    try:
        yield
    finally:
        loop.remove_reader(terminal)
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)


def _is_ours(terminal: int) -> bool:
    """Return whether the terminal may be set: a shell stops what it has put into the background and does so."""
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return True  # there is no shell that would
