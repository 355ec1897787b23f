"""Defines the exit codes, and prints why a command failed."""

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
    """No such VIM, maintenance window, receiver or notification."""
    NOT_MET = 4
    """The condition of `wait` was not met in time, or the command left something undone."""
    UNAVAILABLE = 5
    """No answer, no answer in time, or the database refuses connections: the outcome is unknown."""
    INTERRUPTED = 130
    """Ctrl-C: 128 + SIGINT, as shells expect."""


EPILOG = """\b
Exit codes:
  0  success
  1  failure: the message gives the reason; or the fleet is in trouble (status)
  2  invalid command line
  3  no such VIM, maintenance window, receiver or notification
  4  the condition was not met in time (wait, register --wait), the answer is no
     (auth can-i), findings remain (workflows audit), files and fleet differ (diff),
     or VIMs were not imported or applied (import tacker, vim import, apply)
  5  unavailable: no answer from the address, no answer in time, or the database
     refuses connections
130  interrupted (Ctrl-C)

\b
Settings come from flags, then from VIMESH_* environment variables, then from
the TOML file given by --config or VIMESH_CONFIG (default: ./vimesh.toml, if it
exists). Where the fleet is, and what to show there, may also come from a profile
(vimesh profile)."""


class Failure(Exception):
    """Ends a command with a message for the user. Raised anywhere below a command, printed once in `main`."""

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
    # Messages may quote untrusted text: names, reasons, answers of any server.
    print("\n".join(printable(clipped(line)) for line in lines), file=sys.stderr)  # noqa: T201 - for people, apart from the data
