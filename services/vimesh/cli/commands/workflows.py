"""vimesh workflows: audits and repairs the workflows in Mistral."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from vimesh.cli.base import client_flags, command_settings, flags
from vimesh.cli.base.client_settings import client_settings
from vimesh.cli.base.command_settings import Output
from vimesh.cli.base.exits import ExitCode
from vimesh.cli.output import text_tables
from vimesh.domain.errors import BadSetting

if TYPE_CHECKING:
    from vimesh.cli.commands.audit_workflows import Audited  # needs Mistral's client, which is optional

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Audit and repair the workflows in Mistral.")

_TITLES = ("FINDING", "VIM", "ACTION", "STATE", "DETAIL")


@app.callback()
def group() -> None:
    """Keep `audit` a subcommand even where this app is run on its own."""


@app.command()
def audit(  # noqa: PLR0913 - one parameter per flag
    *,
    repair: Annotated[bool, typer.Option("--repair", help="Remove unwanted workflows and start missing ones.")] = False,
    mistral_url: flags.MistralUrl = None,
    output: Annotated[
        str | None,
        typer.Option("--output", "-o", metavar="table|json", help="Output format [VIMESH_OUTPUT; default: table]."),
    ] = None,
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
    from vimesh.cli.base import mistral_flags  # noqa: PLC0415 - other commands do not talk to Mistral
    from vimesh.cli.processes import logs  # noqa: PLC0415 - as above

    found = command_settings.given(config)
    logs.set_up(command_settings.log_settings(found, level=None, format_=None))
    client = client_settings(
        config, profile=profile, address=address, credentials=credentials, call_timeout=call_timeout, output=output
    )
    if client.output is Output.YAML:
        raise BadSetting(command_settings.OUTPUT.flag, "must be table or json for this command")
    access = mistral_flags.access(found, url=mistral_url)
    from vimesh.cli.commands.audit_workflows import audited  # noqa: PLC0415 - needs Mistral's client

    rows = audited(client, access, repair=repair)
    _write(client.output, rows, repair=repair)
    if any(not row.repaired for row in rows):
        raise typer.Exit(ExitCode.NOT_MET)


def _write(output: Output, rows: Sequence[Audited], *, repair: bool) -> None:
    if output is Output.JSON:
        json.dump([row.document() for row in rows], sys.stdout, indent=2)
        sys.stdout.write("\n")
    elif rows:
        titles = (*_TITLES, "REPAIR") if repair else _TITLES
        text_tables.write(titles, [row.cells()[: len(titles)] for row in rows])
    else:
        print("no findings: Mistral runs exactly the wanted workflows", file=sys.stderr)  # noqa: T201 - the output of the command
