"""vimesh maintenance list and show: print maintenance windows."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import Annotated

import typer

from vimesh.cli.base import client_flags, flags
from vimesh.cli.base.client_settings import client_settings
from vimesh.cli.client.front import run
from vimesh.cli.formats.output_formats import ROWS
from vimesh.cli.lists import list_flags
from vimesh.cli.lists.print_lists import print_pages
from vimesh.cli.maintenance.window_output import WINDOWS, print_window
from vimesh.client.calls.front_stubs import Front
from vimesh.client.lookups.answer_pages import fetch_pages
from vimesh.v1 import maintenance_service_pb2 as pb

Window = Annotated[str, typer.Argument(metavar="ID", help="ID of the window.", show_default=False)]


def list_windows(  # noqa: PLR0913 - one parameter per flag
    *,
    everything: Annotated[bool, typer.Option("--all", "-a", help="Show windows that are over, too.")] = False,
    limit: Annotated[
        int | None, typer.Option("--limit", metavar="N", min=1, help="Maximum number of windows to show.")
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
    """List windows that are open or planned, the newest first."""
    settings = client_settings(
        config,
        profile=profile,
        address=address,
        credentials=credentials,
        call_timeout=call_timeout,
        output=output,
        formats=ROWS,
    )
    choice = list_flags.list_choice(
        settings.output, WINDOWS, columns=columns, no_headers=no_headers, sort_by=sort_by, limit=limit
    )

    def window_pages(front: Front) -> AsyncGenerator[Sequence[pb.MaintenanceWindow]]:
        async def fetch(size: int, token: str) -> tuple[Sequence[pb.MaintenanceWindow], str]:
            request = pb.ListMaintenanceWindowsRequest(page_size=size, page_token=token, ended=everything)
            page = await front.maintenance.ListMaintenanceWindows(request, timeout=front.timeout_s)
            return page.windows, page.next_page_token

        return fetch_pages(fetch, choice.limit_of_fetch)

    run(settings, lambda front: print_pages(WINDOWS, window_pages(front), choice))


def show(  # noqa: PLR0913 - one parameter per flag
    window: Window,
    *,
    output: client_flags.RowsOutput = None,
    address: flags.Address = None,
    credentials: flags.Credentials = None,
    profile: flags.Profile = None,
    call_timeout: client_flags.Timeout = None,
    config: flags.Config = None,
) -> None:
    """Show everything about one window."""
    settings = client_settings(
        config,
        profile=profile,
        address=address,
        credentials=credentials,
        call_timeout=call_timeout,
        output=output,
        formats=ROWS,
    )

    async def fetch(front: Front) -> pb.MaintenanceWindow:
        request = pb.GetMaintenanceWindowRequest(window_id=window)
        return (await front.maintenance.GetMaintenanceWindow(request, timeout=front.timeout_s)).window

    print_window(settings.output, run(settings, fetch))
