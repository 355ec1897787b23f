"""vimesh vim watch: shows VIMs and their changes until Ctrl-C."""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Annotated

import typer

from vimesh.cli.base import client_flags, flags
from vimesh.cli.base.client_settings import client_settings
from vimesh.cli.client.front import run
from vimesh.cli.formats.output_formats import FEED, Output
from vimesh.cli.output import documents, event_lines
from vimesh.cli.selection import filter_flags, label_flags
from vimesh.cli.watches import event_history, replay_changes
from vimesh.cli.watches.past_times import past_time
from vimesh.client.calls.front_stubs import Front
from vimesh.client.lookups.find_vim import find
from vimesh.client.watches.filtered_arrivals import with_arrivals
from vimesh.client.watches.resumable_watch import ConnectionNews, WatchUpdate
from vimesh.client.watches.resumable_watch import watch as follow
from vimesh.domain.settings import BadFlag


def watch(  # noqa: PLR0913 - one parameter per flag
    vims: Annotated[
        list[str] | None,
        typer.Argument(metavar="[VIM]...", help="IDs or names of the VIMs to show (default: all).", show_default=False),
    ] = None,
    *,
    filter_: filter_flags.FilterFlag = "",
    selector: label_flags.Selector = "",
    replay: Annotated[
        str | None,
        typer.Option(
            "--replay",
            metavar="FROM",
            help="Show past changes instead, from this time (2026-10-31T12:00:00Z), or for this long (2h), up to now.",
        ),
    ] = None,
    speed: Annotated[
        float, typer.Option("--speed", metavar="N", help="With --replay: how many times as fast as they came.")
    ] = 1.0,
    project: client_flags.Project = None,
    output: client_flags.FeedOutput = None,
    address: flags.Address = None,
    credentials: flags.Credentials = None,
    profile: flags.Profile = None,
    call_timeout: client_flags.Timeout = None,
    config: flags.Config = None,
) -> None:
    """Show all or the given VIMs and every change until Ctrl-C: as a live table on a terminal, otherwise as lines.

    With --replay, show the changes since a time in the past, and end with the newest.
    """
    settings = client_settings(
        config,
        profile=profile,
        address=address,
        credentials=credentials,
        call_timeout=call_timeout,
        output=output,
        formats=FEED,
    )

    matching = label_flags.selected(selector, filter_)
    start = None if replay is None else past_time("--replay", replay)
    if not speed > 0:
        raise BadFlag("--speed", "must be above 0")

    async def show(front: Front) -> None:
        wanted = frozenset([(await find(front, given, project)).id for given in vims or ()])
        with filter_flags.mistakes_shown(matching):
            if start is None:
                await show_changes(front, settings.output, wanted, matching)
            else:
                await _show_past(front, settings.output, wanted, matching, start, speed)

    try:
        run(settings, show)
    except KeyboardInterrupt:
        # Ctrl-C is the normal way to end a watch.
        return


async def _show_past(  # noqa: PLR0913, PLR0917 - what the command line says
    front: Front, output: Output, wanted: frozenset[str], filter_: str, start: dt.datetime, speed: float
) -> None:
    """Print past changes of the wanted VIMs (none named: all) that match a filter."""
    names = event_history.Names(front)
    only = next(iter(wanted)) if len(wanted) == 1 else ""
    async with aclosing(replay_changes.replay(front, only, start, speed, filter_=filter_)) as past:
        async for event in past:
            if wanted and event.vim_id not in wanted:
                continue
            if output is Output.JSON:
                documents.write_line(event_lines.event_document(event))
            else:
                print(event_lines.event_line(event, await names.of(event)), flush=True)  # noqa: T201 - the output


async def show_changes(front: Front, output: Output, wanted: frozenset[str] = frozenset(), filter_: str = "") -> None:
    """Show the wanted VIMs (none named: all) that match a filter, and their changes, until cancelled."""
    from vimesh.cli.watches import live_table, watch_lines  # noqa: PLC0415 - rich is slow to import, and other commands do not need it

    only = next(iter(wanted)) if len(wanted) == 1 else ""

    def start(link: ConnectionNews) -> AsyncIterator[WatchUpdate]:
        changes = follow(front, vim_id=only, filter_=filter_, link=link)
        return with_arrivals(front, changes) if filter_ else changes

    if output is Output.TABLE and sys.stdout.isatty():
        await live_table.show(start, front.address, wanted)
    else:
        await watch_lines.WatchLines(front.address, output, wanted).show(start)
