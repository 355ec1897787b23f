"""vimesh vim watch: shows VIMs and their changes until Ctrl-C."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from typing import Annotated

import typer

from vimesh.cli.base import client_flags, flags
from vimesh.cli.base.client_settings import client_settings
from vimesh.cli.base.command_settings import Output
from vimesh.cli.client.find_vim import find
from vimesh.cli.client.front import Front, run
from vimesh.cli.input import filter_flags, label_flags
from vimesh.cli.watches.filtered_arrivals import with_arrivals
from vimesh.cli.watches.resumable_watch import ConnectionNews, Shown
from vimesh.cli.watches.resumable_watch import watch as follow
from vimesh.domain.settings import BadFlag


def watch(  # noqa: PLR0913 - one parameter per flag
    vims: Annotated[
        list[str] | None,
        typer.Argument(metavar="[VIM]...", help="IDs or names of the VIMs to show (default: all).", show_default=False),
    ] = None,
    *,
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
    """Show all or the given VIMs and every change until Ctrl-C: as a live table on a terminal, otherwise as lines."""
    settings = client_settings(
        config, profile=profile, address=address, credentials=credentials, call_timeout=call_timeout, output=output
    )
    if settings.output is Output.YAML:
        raise BadFlag("--output", "yaml cannot be used with watch; use json")

    matching = label_flags.selected(selector, filter_)

    async def show(front: Front) -> None:
        wanted = frozenset([(await find(front, given, project)).id for given in vims or ()])
        with filter_flags.mistakes_shown(matching):
            await show_changes(front, settings.output, wanted, matching)

    try:
        run(settings, show)
    except KeyboardInterrupt:
        # Ctrl-C is the normal way to end a watch.
        return


async def show_changes(front: Front, output: Output, wanted: frozenset[str] = frozenset(), filter_: str = "") -> None:
    """Show the wanted VIMs (none named: all) that match a filter, and their changes, until cancelled."""
    from vimesh.cli.watches import live_table, watch_lines  # noqa: PLC0415 - rich is slow to import, and other commands do not need it

    only = next(iter(wanted)) if len(wanted) == 1 else ""

    def start(link: ConnectionNews) -> AsyncIterator[Shown]:
        changes = follow(front, vim_id=only, filter_=filter_, link=link)
        return with_arrivals(front, changes) if filter_ else changes

    if output is Output.TABLE and sys.stdout.isatty():
        await live_table.show(start, front.address, wanted)
    else:
        await watch_lines.WatchLines(output, wanted).show(start)
