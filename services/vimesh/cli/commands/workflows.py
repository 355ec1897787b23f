"""vimesh workflows: audits and repairs the workflows in Mistral."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from vimesh.cli.base import client_flags, command_settings, common_settings, flags
from vimesh.cli.base.client_settings import client_settings
from vimesh.cli.base.exits import ExitCode
from vimesh.cli.formats.output_formats import ROWS, Output
from vimesh.cli.lists import list_flags
from vimesh.cli.lists.print_lists import print_items

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Audit and repair the workflows in Mistral.")


@app.callback()
def group() -> None:
    """Keep `audit` a subcommand even where this app is run on its own."""


@app.command()
def audit(  # noqa: PLR0913 - one parameter per flag
    *,
    repair: Annotated[bool, typer.Option("--repair", help="Remove unwanted workflows and start missing ones.")] = False,
    mistral_url: flags.MistralUrl = None,
    columns: list_flags.Columns = None,
    no_headers: list_flags.NoHeaders = False,
    sort_by: list_flags.SortBy = None,
    output: client_flags.RowsOutput = None,
    address: flags.Address = None,
    credentials: flags.Credentials = None,
    profile: flags.Profile = None,
    call_timeout: client_flags.CallTimeout = None,
    config: flags.Config = None,
) -> None:
    """Compare the wanted ping actions, the workflows in Mistral, and the actions that report.

    Exits with 0 if nothing is wrong or everything was repaired, and with 4 if something is left to do. Changes in
    progress may be listed, too: a VIM that was just registered is MISSING until its workflow runs.
    """
    from vimesh.cli.processes import logs, mistral_flags  # noqa: PLC0415 - other commands do not talk to Mistral

    found = common_settings.given(config)
    logs.set_up(command_settings.log_settings(found, level=None, format_=None))
    client = client_settings(
        config,
        profile=profile,
        address=address,
        credentials=credentials,
        call_timeout=call_timeout,
        output=output,
        formats=ROWS,
    )
    access = mistral_flags.access(found, url=mistral_url)
    from vimesh.cli.commands.audit_workflows import FINDINGS, audited  # noqa: PLC0415 - needs Mistral's client

    choice = list_flags.list_choice(client.output, FINDINGS, columns=columns, no_headers=no_headers, sort_by=sort_by)
    rows = audited(client, access, repair=repair)
    if rows or choice.output is not Output.TABLE:
        print_items(FINDINGS, rows, choice)
    else:
        print("no findings: Mistral runs exactly the wanted workflows", file=sys.stderr)  # noqa: T201 - for people, apart from the data
    if any(not row.repaired for row in rows):
        raise typer.Exit(ExitCode.NOT_MET)
