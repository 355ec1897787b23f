"""What to start, and how it is started: on a leash, in a session of its own."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

_LEASH = Path(__file__).with_name("die_with_parent.py")


@dataclass(frozen=True, slots=True)
class Program:
    command: Sequence[str]
    """Seen by everybody on the machine: no secrets."""
    environment: Mapping[str, str] = field(repr=False)
    """All of it."""

    def told(self, more: Mapping[str, str]) -> Program:
        """Return the same with more in its environment."""
        return Program(self.command, {**self.environment, **more})


def vimesh(*arguments: str) -> list[str]:
    """Return the command line of a vimesh process of this installation."""
    script = Path(sys.executable).with_name("vimesh")
    return [sys.executable, *([str(script)] if script.is_file() else ["-m", "vimesh.cli"]), *arguments]


async def start(program: Program) -> asyncio.subprocess.Process:
    """Start a program that dies with this process. Its output is one pipe. Raises OSError."""
    return await asyncio.create_subprocess_exec(
        sys.executable,
        # Without the site packages: 10 ms instead of 100.
        *("-I", "-S", str(_LEASH), str(os.getpid())),
        *program.command,
        env=program.environment,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        # Ctrl-C goes to the whole foreground group; who stops when is decided here.
        start_new_session=True,
    )
