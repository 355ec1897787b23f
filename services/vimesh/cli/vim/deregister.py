"""vimesh vim deregister: removes VIMs from the fleet."""

from __future__ import annotations

from typing import Annotated

import typer

from vimesh.cli.base import client_flags, flags
from vimesh.cli.base.client_settings import client_settings
from vimesh.cli.base.command_settings import Output
from vimesh.cli.base.terminal import printable
from vimesh.cli.client.find_vim import find
from vimesh.cli.client.front import Front, run
from vimesh.cli.output import documents
from vimesh.v1 import vim_service_pb2 as pb


def deregister(  # noqa: PLR0913 - one parameter per flag
    vims: Annotated[list[str], typer.Argument(metavar="VIM...", help="IDs or names of the VIMs.", show_default=False)],
    *,
    project: client_flags.Project = None,
    output: client_flags.Output = None,
    address: flags.Address = None,
    credentials: flags.Credentials = None,
    profile: flags.Profile = None,
    call_timeout: client_flags.Timeout = None,
    config: flags.Config = None,
) -> None:
    """Remove VIMs and their credentials. Nothing is removed if one of them cannot be found."""
    settings = client_settings(
        config, profile=profile, address=address, credentials=credentials, call_timeout=call_timeout, output=output
    )
    gone: list[dict[str, str]] = []

    async def remove(front: Front) -> None:
        found = {vim.id: vim for vim in [await find(front, given, project) for given in vims]}
        for vim in found.values():
            await front.vims.DeregisterVim(pb.DeregisterVimRequest(vim_id=vim.id), timeout=front.timeout_s)
            gone.append({"id": vim.id, "name": vim.name})

    try:
        run(settings, remove)
    finally:
        # Also after an error: show the VIMs that were deregistered before it.
        _print(settings.output, gone)


def _print(output: Output, gone: list[dict[str, str]]) -> None:
    if output is not Output.TABLE:
        documents.write(output, gone)
        return
    for vim in gone:
        typer.echo(printable(f"deregistered {vim['name']} ({vim['id']})"))
