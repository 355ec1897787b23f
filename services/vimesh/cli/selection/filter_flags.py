"""The flag for filters, and how a mistake in one is shown."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Annotated, Final

import grpc
import typer

from vimesh.cli.base.exits import ExitCode, Failure
from vimesh.cli.client.typed_fields import typed_name
from vimesh.cli.command_line import typed
from vimesh.wire.error_statuses import BAD_INPUT, failure_of

FilterFlag = Annotated[
    str,
    typer.Option("--filter", metavar="FILTER", help="Only VIMs that match: see Filters below.", show_default=False),
]
_SHOWN: Final = 60
"""Characters of a filter that are shown around a mistake."""


@contextmanager
def mistakes_shown(text: str) -> Generator[None]:
    """Point at the mistake if the fleet refuses the filter. Raises Failure."""
    try:
        yield
    except grpc.aio.AioRpcError as error:
        failure = failure_of(error)
        position = failure.metadata.get("position", "")
        if failure.reason != BAD_INPUT or not position.isdecimal() or int(position) > len(text):
            raise
        why = "; ".join(violation.description for violation in failure.violations)
        raise Failure(
            f"{typed_name('filter', typed()) or 'the filter'}: {why} ({failure.reason})",
            code=ExitCode.USAGE,
            details=_pointed_at(text, int(position)),
            hint="--help lists fields and operators",
        ) from error


def _pointed_at(text: str, position: int) -> list[str]:
    """Return the text around a position, and a line that points at it."""
    begin = max(0, position - _SHOWN // 2)
    # One column for each character, whatever it is.
    shown = "".join(character if character.isprintable() else "?" for character in text[begin : begin + _SHOWN])
    return [shown, " " * (position - begin) + "^"]
