"""How a command ends: its exit code, and the lines that say why."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from enum import IntEnum

from vimesh.cli.base.terminal import clipped, printable


class ExitCode(IntEnum):
    OK = 0
    ERROR = 1
    """The command failed, or a setting is wrong."""
    USAGE = 2
    """The command line cannot be read."""
    NOT_FOUND = 3
    """No such VIM."""
    NOT_MET = 4
    """What `wait` waits for did not come in time, or something is left that the command could not do."""
    UNAVAILABLE = 5
    """Nothing answers, or not in time, or the database lets nobody in: nothing is known."""
    INTERRUPTED = 130
    """Ctrl-C; what shells expect."""


EPILOG = """\b
Exit codes:
  0  done
  1  failed: the message says why
  2  the command line cannot be read
  3  no such VIM
  4  the condition was not met in time (wait, register --wait); something is
     left to mend (workflows audit) or was not imported (import tacker, vim import)
  5  unavailable: nothing answers at the address, or not in time, or a database
     lets nobody in
130  interrupted (Ctrl-C)

\b
Settings: flags, then VIMESH_* in the environment, then the TOML file that
--config or VIMESH_CONFIG names (default: ./vimesh.toml if there is one)."""


class Failure(Exception):
    """Ends a command with a message for people. Raised anywhere below a command, shown once in `main`."""

    def __init__(
        self,
        message: str,
        *,
        code: ExitCode = ExitCode.ERROR,
        details: Sequence[str] = (),
        hint: str = "",
    ) -> None:
        super().__init__(message)
        self.code = code
        self.details = details
        """One line each, such as the fields that break a rule."""
        self.hint = hint
        """What to do next."""


def show(failure: Failure) -> None:
    lines = [f"error: {failure}", *(f"  {detail}" for detail in failure.details)]
    if failure.hint:
        lines.append(f"hint: {failure.hint}")
    # What others wrote is quoted: names, reasons, answers of a server that may be any.
    print("\n".join(printable(clipped(line)) for line in lines), file=sys.stderr)  # noqa: T201 - what a command says
