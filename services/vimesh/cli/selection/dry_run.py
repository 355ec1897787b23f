"""Reads --dry-run: the fleet checks a change, and does not make it."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from vimesh.domain.settings import BadFlag

_FLAG = "--dry-run"
_SERVER = "server"
DryRun = Annotated[
    str | None,
    typer.Option(_FLAG, metavar=_SERVER, help="Let the fleet check the change without making it."),
]


def is_dry_run(given: str | None) -> bool:
    """Return whether nothing is to be changed. Raises BadFlag."""
    if given not in (None, _SERVER):
        raise BadFlag(_FLAG, f"must be {_SERVER}, not {given[:50]!r}")
    return given is not None


def say_dry_run(*, dry_run: bool) -> None:
    """Say that nothing was changed, apart from the data."""
    if dry_run:
        print("dry run: nothing was changed", file=sys.stderr)  # noqa: T201 - for people, apart from the data
