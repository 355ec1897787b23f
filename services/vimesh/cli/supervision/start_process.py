"""Starts a program in its own session; the program dies with this process."""

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
    """Visible to all users of the machine, so it must not hold secrets."""
    environment: Mapping[str, str] = field(repr=False)
    """The complete environment; nothing else is inherited."""

    def told(self, more: Mapping[str, str]) -> Program:
        """Return the same program with more variables in its environment."""
        return Program(self.command, {**self.environment, **more})


def vimesh(*arguments: str) -> list[str]:
    """Return the command line that runs vimesh from this installation."""
    script = Path(sys.executable).with_name("vimesh")
    return [sys.executable, *([str(script)] if script.is_file() else ["-m", "vimesh.cli"]), *arguments]


async def start(program: Program) -> asyncio.subprocess.Process:
    """Start a program that dies with this process. Its output is one pipe. Raises OSError."""
    return await asyncio.create_subprocess_exec(
        sys.executable,
        # -S skips the site packages: 10 ms instead of 100 ms.
        *("-I", "-S", str(_LEASH), str(os.getpid())),
        *program.command,
        env=program.environment,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        # Ctrl-C signals the whole foreground process group, but the order of stopping is decided here.
        start_new_session=True,
    )
