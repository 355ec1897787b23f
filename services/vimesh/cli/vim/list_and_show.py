"""vimesh vim list and show: print VIMs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from vimesh.cli.base import client_flags, flags
from vimesh.cli.base.client_settings import client_settings
from vimesh.cli.client.answer_pages import fetch_all
from vimesh.cli.client.find_vim import find
from vimesh.cli.client.front import Front, run
from vimesh.cli.output import print_vims
from vimesh.cli.selection import filter_flags, label_flags
from vimesh.v1 import vim_service_pb2 as pb
from vimesh.v1.vim_pb2 import Vim


def list_vims(  # noqa: PLR0913 - one parameter per flag
    *,
    filter_: filter_flags.FilterFlag = "",
    selector: label_flags.Selector = "",
    order_by: Annotated[
        str,
        typer.Option(
            "--order-by",
            metavar="FIELD",
            help="Field to sort by: name, create_time or status_time; 'name desc' reverses the order.",
        ),
    ] = "name",
    limit: Annotated[
        int | None, typer.Option("--limit", metavar="N", min=1, help="Maximum number of VIMs to show.")
    ] = None,
    long: Annotated[bool, typer.Option("--long", help="Show more columns.")] = False,
    show_labels: Annotated[bool, typer.Option("--show-labels", help="Show a column of the labels.")] = False,
    project: Annotated[
        str | None, typer.Option("--project", metavar="ID", help="Show only VIMs of this project.")
    ] = None,
    output: client_flags.Output = None,
    address: flags.Address = None,
    credentials: flags.Credentials = None,
    profile: flags.Profile = None,
    call_timeout: client_flags.Timeout = None,
    config: flags.Config = None,
) -> None:
    """List VIMs, fetching all pages."""
    settings = client_settings(
        config, profile=profile, address=address, credentials=credentials, call_timeout=call_timeout, output=output
    )
    wanted = label_flags.selected(selector, filter_, project)
    found = run(settings, lambda front: all_vims(front, wanted, order_by, limit))
    print_vims.many(settings.output, found, long=long, show_labels=show_labels)


async def all_vims(front: Front, filter_: str, order_by: str, limit: int | None) -> list[Vim]:
    async def fetch(size: int, token: str) -> tuple[Sequence[Vim], str]:
        request = pb.ListVimsRequest(filter=filter_, order_by=order_by, page_size=size, page_token=token)
        with filter_flags.mistakes_shown(filter_):
            page = await front.vims.ListVims(request, timeout=front.timeout_s)
        return page.vims, page.next_page_token

    return await fetch_all(fetch, limit)


def show(  # noqa: PLR0913 - one parameter per flag
    vim: client_flags.Given,
    *,
    project: client_flags.Project = None,
    output: client_flags.Output = None,
    address: flags.Address = None,
    credentials: flags.Credentials = None,
    profile: flags.Profile = None,
    call_timeout: client_flags.Timeout = None,
    config: flags.Config = None,
) -> None:
    """Show everything about one VIM. Secrets are masked."""
    settings = client_settings(
        config, profile=profile, address=address, credentials=credentials, call_timeout=call_timeout, output=output
    )
    print_vims.one(settings.output, run(settings, lambda front: find(front, vim, project)))
