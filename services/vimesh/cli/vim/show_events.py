"""vimesh vim events: shows past changes, and follows new ones if wanted."""

from __future__ import annotations

from contextlib import aclosing
from typing import Annotated

import typer

from vimesh.cli.base import client_flags, flags
from vimesh.cli.base.client_settings import client_settings
from vimesh.cli.base.command_settings import Output
from vimesh.cli.client.find_vim import find
from vimesh.cli.client.front import Front, run
from vimesh.cli.output import documents, event_lines
from vimesh.cli.selection import filter_flags, label_flags
from vimesh.cli.watches import event_history
from vimesh.cli.watches.watch_lines import connection_notes
from vimesh.domain.ids import is_id
from vimesh.domain.settings import BadFlag
from vimesh.v1.vim_pb2 import VimEvent


def events(  # noqa: PLR0913 - one parameter per flag
    vim: Annotated[
        str | None,
        typer.Argument(metavar="[VIM]", help="Show only events of this VIM; use the ID if it is deregistered."),
    ] = None,
    *,
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=0, help="Maximum number of past events.")] = 50,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Keep showing new events until Ctrl-C.")] = False,
    filter_: filter_flags.FilterFlag = "",
    selector: label_flags.Selector = "",
    project: client_flags.Project = None,
    output: client_flags.Output = None,
    address: flags.Address = None,
    credentials: flags.Credentials = None,
    profile: flags.Profile = None,
    call_timeout: client_flags.Timeout = None,
    config: flags.Config = None,
) -> None:
    """Show past changes, newest last. JSON output is an array; with --follow, one object per line."""
    settings = client_settings(
        config, profile=profile, address=address, credentials=credentials, call_timeout=call_timeout, output=output
    )
    if follow and settings.output is Output.YAML:
        raise BadFlag("--output", "yaml cannot be used with --follow; use json")

    matching = label_flags.selected(selector, filter_)

    async def show(front: Front) -> None:
        vim_id = await _id_of(front, vim, project) if vim else ""
        # Read before the past events, so that no event is missed in between; its revision prevents duplicates.
        newest = await event_history.newest_revision(front) if follow else 0
        with filter_flags.mistakes_shown(matching):
            past = await event_history.newest_events(front, vim_id, limit, matching)
        names = event_history.Names(front)
        if settings.output is not Output.TABLE and not follow:
            documents.write_all(settings.output, past)
            return
        for event in past:
            await _print(event, names, settings.output)
        if follow:
            after = max([newest, *(event.revision for event in past)])
            async with aclosing(
                event_history.events_after(front, vim_id, after, connection_notes(), matching)
            ) as coming:
                async for event in coming:
                    await _print(event, names, settings.output)

    try:
        run(settings, show)
    except KeyboardInterrupt:
        if not follow:
            raise


async def _id_of(front: Front, given: str, project: str | None) -> str:
    return given.lower() if is_id(given) else (await find(front, given, project)).id


async def _print(event: VimEvent, names: event_history.Names, output: Output) -> None:
    if output is Output.JSON:
        documents.write_line(documents.document(event))
    else:
        print(event_lines.event_line(event, await names.of(event)), flush=True)  # noqa: T201 - the output
