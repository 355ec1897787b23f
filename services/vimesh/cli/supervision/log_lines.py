"""Merges the log lines of many processes into one stream, each with the name of its process."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import TextIO

_COLOURS = (36, 33, 35, 32, 34, 31)
_CHUNK = 65536
_LONGEST_LINE = 65536

Say = Callable[[str, str], None]
"""Takes the name of the process, and one line."""


class LogStream:
    def __init__(self, out: TextIO, *, coloured: bool) -> None:
        self._out = out
        self._coloured = coloured
        self._colour_of: dict[str, int] = {}

    def say(self, name: str, line: str) -> None:
        prefix = f"{name:<11} |"
        if self._coloured:
            colour = self._colour_of.setdefault(name, _COLOURS[len(self._colour_of) % len(_COLOURS)])
            prefix = f"\x1b[{colour}m{prefix}\x1b[0m"
        # The reader may have closed the stream, which is no reason to stop the fleet.
        with contextlib.suppress(OSError, ValueError):
            self._out.write(f"{prefix} {line}\n")
            self._out.flush()


async def relay(name: str, source: asyncio.StreamReader, say: Say) -> None:
    """Pass on lines until the process closes its output. Lines of more than 64 KiB may be passed on in pieces."""
    rest = b""
    while chunk := await source.read(_CHUNK):
        *lines, rest = (rest + chunk).split(b"\n")
        if len(rest) > _LONGEST_LINE:
            lines, rest = [*lines, rest], b""
        for line in lines:
            say(name, line.decode(errors="replace").rstrip("\r"))
    if rest:
        say(name, rest.decode(errors="replace"))
