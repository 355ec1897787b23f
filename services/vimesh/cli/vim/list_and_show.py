"""vimesh vim list and show: print VIMs."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncGenerator, Sequence
from typing import Annotated

import typer

from vimesh.cli.base import client_flags, flags
from vimesh.cli.base.client_settings import client_settings
from vimesh.cli.base.durations import limit_s
from vimesh.cli.client.front import run
from vimesh.cli.formats.output_formats import ROWS
from vimesh.cli.lists import list_flags, print_vims
from vimesh.cli.lists.print_lists import print_pages
from vimesh.cli.output.vim_columns import VIMS
from vimesh.cli.selection import filter_flags, label_flags
from vimesh.cli.watches.past_times import past_time
from vimesh.client.calls.front_stubs import Front
from vimesh.client.lookups.answer_pages import fetch_pages
from vimesh.client.lookups.find_vim import find
from vimesh.v1 import vim_service_pb2 as pb
from vimesh.v1.vim_pb2 import Vim
from vimesh.wire.wire_durations import duration


def list_vims(  # noqa: PLR0913 - one parameter per flag
    *,
    filter_: filter_flags.FilterFlag = "",
    selector: label_flags.Selector = "",
    order_by: Annotated[
        str | None,
        typer.Option(
            "--order-by",
            metavar="FIELD",
            help="Field to sort by: name (the default), create_time or status_time; 'name desc' reverses the order.",
        ),
    ] = None,
    as_of: Annotated[
        str | None,
        typer.Option(
            "--as-of",
            metavar="TIME",
            help="List the VIMs as they were at a time such as 2026-10-31T12:00:00Z, or so long ago, such as 2h: as "
            "far back as changes are kept, and in the order of their registration.",
        ),
    ] = None,
    limit: Annotated[
        int | None, typer.Option("--limit", metavar="N", min=1, help="Maximum number of VIMs to show.")
    ] = None,
    long: Annotated[bool, typer.Option("--long", help="Show more columns: the same as -o wide.")] = False,
    show_labels: Annotated[bool, typer.Option("--show-labels", help="Show a column of the labels.")] = False,
    project: Annotated[
        str | None, typer.Option("--project", metavar="ID", help="Show only VIMs of this project.")
    ] = None,
    columns: list_flags.Columns = None,
    no_headers: list_flags.NoHeaders = False,
    sort_by: list_flags.SortBy = None,
    output: client_flags.RowsOutput = None,
    address: flags.Address = None,
    credentials: flags.Credentials = None,
    profile: flags.Profile = None,
    call_timeout: client_flags.Timeout = None,
    config: flags.Config = None,
) -> None:
    """List VIMs, page by page."""
    settings = client_settings(
        config,
        profile=profile,
        address=address,
        credentials=credentials,
        call_timeout=call_timeout,
        output="wide" if long and output is None else output,
        formats=ROWS,
    )
    choice = list_flags.list_choice(
        settings.output,
        VIMS,
        columns=columns,
        no_headers=no_headers,
        sort_by=sort_by,
        limit=limit,
        more_columns=("LABELS",) if show_labels else (),
    )
    wanted = label_flags.selected(selector, filter_, project)
    time = None if as_of is None else past_time("--as-of", as_of)
    order = order_by or ("name" if time is None else "create_time")
    run(
        settings,
        lambda front: print_pages(VIMS, vim_pages(front, wanted, order, choice.limit_of_fetch, time), choice),
    )


def vim_pages(
    front: Front, filter_: str, order_by: str, limit: int | None, as_of: dt.datetime | None = None
) -> AsyncGenerator[Sequence[Vim]]:
    """Fetch VIMs; `as_of` a time, if it is given."""

    async def fetch(size: int, token: str) -> tuple[Sequence[Vim], str]:
        request = pb.ListVimsRequest(filter=filter_, order_by=order_by, page_size=size, page_token=token)
        if as_of is not None:
            request.as_of.FromDatetime(as_of)
        with filter_flags.mistakes_shown(filter_):
            page = await front.vims.ListVims(request, timeout=front.timeout_s)
        return page.vims, page.next_page_token

    return fetch_pages(fetch, limit)


def show(  # noqa: PLR0913 - one parameter per flag
    vim: client_flags.Given,
    *,
    max_age: Annotated[
        str | None,
        typer.Option(
            "--max-age",
            metavar="DURATION",
            help="Have a monitor probe the VIM now if its ping action was last heard of longer ago; 0s: in any case. "
            "What it saw is shown as `probes`, and not recorded.",
        ),
    ] = None,
    project: client_flags.Project = None,
    output: client_flags.RowsOutput = None,
    address: flags.Address = None,
    credentials: flags.Credentials = None,
    profile: flags.Profile = None,
    call_timeout: client_flags.Timeout = None,
    config: flags.Config = None,
) -> None:
    """Show everything about one VIM. Secrets are masked."""
    settings = client_settings(
        config,
        profile=profile,
        address=address,
        credentials=credentials,
        call_timeout=call_timeout,
        output=output,
        formats=ROWS,
    )
    if max_age is None:
        print_vims.one(settings.output, run(settings, lambda front: find(front, vim, project)))
        return
    max_age_s = limit_s("--max-age", max_age)

    async def get(front: Front) -> pb.GetVimResponse:
        vim_id = (await find(front, vim, project)).id
        return await front.ask(front.vims.GetVim, pb.GetVimRequest(vim_id=vim_id, max_age=duration(max_age_s)))

    answer = run(settings, get)
    print_vims.one(settings.output, answer.vim, answer.probes)
