"""Shows how long VIMs had which status."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncGenerator, Sequence
from typing import Annotated

import typer

from vimesh.cli.availability.availability_rows import availability_table
from vimesh.cli.base import client_flags, flags
from vimesh.cli.base.client_settings import client_settings
from vimesh.cli.client.front import run
from vimesh.cli.formats.output_formats import ROWS
from vimesh.cli.lists import list_flags
from vimesh.cli.lists.print_lists import print_pages
from vimesh.cli.selection.label_flags import Selector, selected
from vimesh.client.calls.front_stubs import Front
from vimesh.client.lookups.answer_pages import fetch_pages
from vimesh.domain.settings import BadFlag
from vimesh.v1 import availability_service_pb2 as pb


def availability(  # noqa: PLR0913 - one parameter per flag
    *,
    filter_: Annotated[
        str, typer.Option("--filter", metavar="TERMS", help="Count only the VIMs that match now; see `vim list`.")
    ] = "",
    selector: Selector = "",
    start: Annotated[
        str | None,
        typer.Option(
            "--from", metavar="DATE", help="First day, such as 2026-10-31, or 2026-10 [default: of this month]."
        ),
    ] = None,
    end: Annotated[
        str | None,
        typer.Option("--to", metavar="DATE", help="Day before which to stop, in the same form [default: now]."),
    ] = None,
    by: Annotated[
        str,
        typer.Option(
            "--by",
            metavar="FIELDS",
            help="Fields to group by, separated by commas: id, project_id, type, labels.KEY, day, month.",
        ),
    ] = "",
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
    """Show how long VIMs were reachable, unreachable, unknown, pending, or in maintenance. Days are those of UTC."""
    settings = client_settings(
        config,
        profile=profile,
        address=address,
        credentials=credentials,
        call_timeout=call_timeout,
        output=output,
        formats=ROWS,
    )
    fields = [field.strip() for field in by.split(",") if field.strip()]
    table = availability_table(fields)
    choice = list_flags.list_choice(settings.output, table, columns=columns, no_headers=no_headers, sort_by=sort_by)
    request = pb.QueryAvailabilityRequest(filter=selected(selector, filter_), by=fields)
    request.start_time.FromDatetime(_date("--from", start) if start else _this_month())
    if end:
        request.end_time.FromDatetime(_date("--to", end))
    run(settings, lambda front: print_pages(table, _pages(front, request), choice))


def _pages(front: Front, request: pb.QueryAvailabilityRequest) -> AsyncGenerator[Sequence[pb.AvailabilityRow]]:
    async def fetch(size: int, token: str) -> tuple[Sequence[pb.AvailabilityRow], str]:
        request.page_size, request.page_token = size, token
        page = await front.availability.QueryAvailability(request, timeout=front.timeout_s)
        return page.rows, page.next_page_token

    return fetch_pages(fetch, None)


def _this_month() -> dt.datetime:
    return dt.datetime.now(dt.UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def _date(flag: str, text: str) -> dt.datetime:
    """Read a day, or a month as its first day. Raises BadFlag."""
    for form in ("%Y-%m-%d", "%Y-%m"):
        try:
            return dt.datetime.strptime(text.strip(), form).replace(tzinfo=dt.UTC)
        except ValueError:
            continue
    raise BadFlag(flag, f"must be a day such as 2026-10-31, or a month such as 2026-10, not {text[:50]!r}")
