"""Reads --dry-run, which has the same values in all commands: `none`, and where the change is only checked."""

from __future__ import annotations

import sys
from typing import Annotated, Final

import typer

from vimesh.domain.settings import BadFlag

_FLAG = "--dry-run"
_NONE: Final = "none"
_SERVER: Final = "server"
_CLIENT: Final = "client"
DryRun = Annotated[
    str,
    typer.Option(_FLAG, metavar=f"{_NONE}|{_SERVER}", help="server: let the fleet check the change without making it."),
]
"""Of commands that the fleet carries out."""
ClientDryRun = Annotated[
    str,
    typer.Option(_FLAG, metavar=f"{_NONE}|{_CLIENT}", help="client: only check the file, without contacting a fleet."),
]
"""Of commands that prepare everything before they contact a fleet."""


def is_dry_run(given: str) -> bool:
    """Return whether nothing is to be changed, of a `DryRun`. Raises BadFlag."""
    return _is(given, _SERVER)


def is_client_dry_run(given: str) -> bool:
    """Return whether nothing is to be changed, of a `ClientDryRun`. Raises BadFlag."""
    return _is(given, _CLIENT)


def _is(given: str, kind: str) -> bool:
    if given not in (_NONE, kind):
        raise BadFlag(_FLAG, f"must be {_NONE} or {kind}, not {given[:50]!r}")
    return given == kind


def say_dry_run(*, dry_run: bool) -> None:
    """Say that nothing was changed, apart from the data."""
    if dry_run:
        print("dry run: nothing was changed", file=sys.stderr)  # noqa: T201 - for people, apart from the data
