"""Changes all VIMs that match a filter, call by call, and prints what became of each."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Annotated

import typer

from vimesh.cli.base.client_settings import ClientSettings
from vimesh.cli.base.exits import ExitCode, Failure
from vimesh.cli.base.terminal import clipped, printable
from vimesh.cli.client.front import run
from vimesh.cli.formats.output_formats import Output
from vimesh.cli.output import documents
from vimesh.client.calls.front_stubs import Front
from vimesh.v1 import vim_service_pb2 as pb

Filter = Annotated[
    str,
    typer.Option("--filter", metavar="TERMS", help="""Only VIMs that match, such as 'name = "lab*"'."""),
]
Changed = Sequence[pb.ChangeVimResult]
"""The results of one call."""


def change_all(settings: ClientSettings, calls: Callable[[Front], AsyncIterator[Changed]], done: str) -> None:
    """Make the calls, and print the result of each VIM; `done` is what happened to it, such as `deregistered`.

    If a call fails, the results of those before it are printed all the same. Raises Failure if VIMs were refused, or
    if there are none.
    """
    results: list[pb.ChangeVimResult] = []

    async def collect(front: Front) -> None:
        async for changed in calls(front):
            results.extend(changed)

    try:
        run(settings, collect)
    finally:
        _print(settings.output, results, done)
    if not results:
        raise Failure("no VIM matches", code=ExitCode.NOT_FOUND, hint="vimesh vim list shows all VIMs")
    if refused := sum(result.HasField("refused") for result in results):
        raise Failure(f"{refused} of {len(results)} VIMs were refused", code=ExitCode.NOT_MET)


def _print(output: Output, results: Changed, done: str) -> None:
    if output is not Output.TABLE:
        documents.write_all(output, results)
        return
    for result in results:
        which = f"{result.name} ({result.vim_id})"
        refusal = f"refused {which}: {result.refused.message}"
        typer.echo(printable(clipped(refusal) if result.HasField("refused") else f"{done} {which}"))
