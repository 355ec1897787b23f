"""vimesh vim events: shows past changes, and follows new ones if wanted."""

from __future__ import annotations

from contextlib import aclosing
from typing import Annotated, Final

import typer

from vimesh.cli.base import client_flags, flags
from vimesh.cli.base.client_settings import client_settings
from vimesh.cli.client.front import run
from vimesh.cli.formats.output_formats import FEED, ROWS, Output
from vimesh.cli.lists import list_flags
from vimesh.cli.lists.print_lists import print_items
from vimesh.cli.output import documents, event_lines
from vimesh.cli.output.event_lines import EVENTS, NamedEvent
from vimesh.cli.selection import filter_flags, label_flags
from vimesh.cli.watches import event_history
from vimesh.cli.watches.event_span import KIND, KINDS, SINCE, UNTIL, event_span
from vimesh.cli.watches.watch_lines import connection_notes
from vimesh.client.calls.front_stubs import Front
from vimesh.client.lookups.find_vim import find
from vimesh.domain.ids import is_id
from vimesh.domain.settings import BadFlag
from vimesh.v1.vim_pb2 import VimEvent

_DEFAULT_LIMIT: Final = 50


def events(  # noqa: PLR0913 - one parameter per flag
    vim: Annotated[
        str | None,
        typer.Argument(metavar="[VIM]", help="Show only events of this VIM; use the ID if it is deregistered."),
    ] = None,
    *,
    since: Annotated[
        str | None,
        typer.Option(
            SINCE, metavar="TIME", help="Show events from this time on: 2026-10-31T12:00:00Z, or 2h ago as 2h."
        ),
    ] = None,
    until: Annotated[
        str | None, typer.Option(UNTIL, metavar="TIME", help="Show events before this time, in the same form.")
    ] = None,
    kind: Annotated[
        list[str] | None,
        typer.Option(KIND, metavar="KIND", help=f"{', '.join(KINDS)}; may be given several times (default: all)."),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(
            "--limit", metavar="N", min=0, help="Maximum number of past events (default: 50; with --since, all)."
        ),
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Keep showing new events until Ctrl-C.")] = False,
    filter_: filter_flags.FilterFlag = "",
    selector: label_flags.Selector = "",
    project: client_flags.Project = None,
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
    """Show past changes, newest last: as lines or, with -o wide, -c or --sort-by, as a table.

    JSON output is an array; with --follow, one object per line.
    """
    settings = client_settings(
        config,
        profile=profile,
        address=address,
        credentials=credentials,
        call_timeout=call_timeout,
        output=output,
        formats=FEED if follow else ROWS,
    )
    choice = list_flags.list_choice(
        settings.output, EVENTS, columns=columns, no_headers=no_headers, sort_by=sort_by, limit=limit
    )
    as_lines = settings.output is Output.TABLE and not (columns or sort_by or no_headers)
    span = event_span(since, until, kind)
    if follow:
        _require_lines(as_lines=as_lines or settings.output is Output.JSON, until=until)
    count = _DEFAULT_LIMIT if limit is None and since is None else limit
    matching = label_flags.selected(selector, filter_)

    async def show(front: Front) -> None:
        vim_id = await _id_of(front, vim, project) if vim else ""
        # Read before the past events, so that no event is missed in between; its revision prevents duplicates.
        newest = await event_history.newest_revision(front) if follow else 0
        with filter_flags.mistakes_shown(matching):
            past = await event_history.newest_events(front, vim_id, count, matching, span)
        names = event_history.Names(front)
        if not follow and not as_lines:
            named = choice.output in (Output.TABLE, Output.WIDE, Output.CSV, Output.NAME)
            print_items(EVENTS, [NamedEvent(event, await names.of(event) if named else "") for event in past], choice)
            return
        for event in past:
            await _print(event, names, settings.output)
        if follow:
            after = max([newest, *(event.revision for event in past)])
            async with aclosing(
                event_history.events_after(front, vim_id, after, connection_notes(front.address), matching)
            ) as coming:
                async for event in coming:
                    if span.includes(event):
                        await _print(event, names, settings.output)

    try:
        run(settings, show)
    except KeyboardInterrupt:
        if not follow:
            raise


def _require_lines(*, as_lines: bool, until: str | None) -> None:
    if not as_lines:
        raise BadFlag("--follow", "shows lines, without columns and their order")
    if until is not None:
        raise BadFlag(UNTIL, "cannot be used with --follow")


async def _id_of(front: Front, given: str, project: str | None) -> str:
    return given.lower() if is_id(given) else (await find(front, given, project)).id


async def _print(event: VimEvent, names: event_history.Names, output: Output) -> None:
    if output is Output.JSON:
        documents.write_line(documents.document(event))
    else:
        print(event_lines.event_line(event, await names.of(event)), flush=True)  # noqa: T201 - the output
