"""vimesh vim deregister: removes VIMs from the fleet."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Annotated

import typer

from vimesh.cli.base import client_flags, flags
from vimesh.cli.base.client_settings import client_settings
from vimesh.cli.base.terminal import printable
from vimesh.cli.client.front import run
from vimesh.cli.formats.output_formats import Output
from vimesh.cli.output import documents
from vimesh.cli.selection import label_flags
from vimesh.cli.selection.dry_run import DryRun, is_dry_run, say_dry_run
from vimesh.cli.vim.change_selected import Changed, Filter, change_all
from vimesh.client.calls.front_stubs import Front
from vimesh.client.lookups.find_vim import find
from vimesh.domain.settings import BadFlag
from vimesh.v1 import vim_service_pb2 as pb


def deregister(  # noqa: PLR0913 - one parameter per flag
    vims: Annotated[
        list[str] | None, typer.Argument(metavar="[VIM]...", help="IDs or names of the VIMs.", show_default=False)
    ] = None,
    *,
    selector: label_flags.Selector = "",
    filter_: Filter = "",
    dry_run: DryRun = "none",
    project: client_flags.Project = None,
    output: client_flags.Output = None,
    address: flags.Address = None,
    credentials: flags.Credentials = None,
    profile: flags.Profile = None,
    call_timeout: client_flags.Timeout = None,
    config: flags.Config = None,
) -> None:
    """Remove VIMs and their credentials: those that are named, or all that match.

    Nothing is removed if one that is named cannot be found.
    """
    settings = client_settings(
        config, profile=profile, address=address, credentials=credentials, call_timeout=call_timeout, output=output
    )
    several, only_check = bool(selector.strip() or filter_.strip()), is_dry_run(dry_run)
    if several == bool(vims):
        raise BadFlag("vim deregister", "name VIMs, or select them by --selector or --filter")
    done = "would deregister" if only_check else "deregistered"
    if several:
        wanted = label_flags.selected(selector, filter_, project)
        change_all(settings, lambda front: _each_call(front, wanted, dry_run=only_check), done)
        say_dry_run(dry_run=only_check)
        return
    gone: list[dict[str, str]] = []

    async def remove(front: Front) -> None:
        found = {vim.id: vim for vim in [await find(front, given, project) for given in vims or ()]}
        for vim in found.values():
            request = pb.DeregisterVimRequest(vim_id=vim.id, validate_only=only_check)
            await front.vims.DeregisterVim(request, timeout=front.timeout_s)
            gone.append({"id": vim.id, "name": vim.name})

    try:
        run(settings, remove)
    finally:
        # Also after an error: show the VIMs that were deregistered before it.
        _print(settings.output, gone, done)
    say_dry_run(dry_run=only_check)


async def _each_call(front: Front, filter_: str, *, dry_run: bool) -> AsyncGenerator[Changed]:
    """Remove all VIMs that match."""
    token = ""
    while True:
        request = pb.DeregisterVimsRequest(filter=filter_, page_token=token, validate_only=dry_run)
        response = await front.vims.DeregisterVims(request, timeout=front.timeout_s)
        yield response.results
        if not (token := response.next_page_token):
            return


def _print(output: Output, gone: list[dict[str, str]], done: str) -> None:
    if output is not Output.TABLE:
        documents.write(output, gone)
        return
    for vim in gone:
        typer.echo(printable(f"{done} {vim['name']} ({vim['id']})"))
