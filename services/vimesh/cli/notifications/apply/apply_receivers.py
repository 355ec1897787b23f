"""vimesh receiver apply: creates and modifies receivers, until they are what a file says."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vimesh.cli.base import client_flags, flags
from vimesh.cli.base.client_settings import client_settings
from vimesh.cli.base.terminal import printable
from vimesh.cli.client.front import run
from vimesh.cli.formats.output_formats import Output
from vimesh.cli.notifications.apply.receiver_changes import AppliedReceiver, ReceiverChanges
from vimesh.cli.notifications.apply.receivers_file import read_receivers
from vimesh.cli.notifications.receiver_fields import FILE_FLAG, SECRET_FLAG
from vimesh.cli.output import documents
from vimesh.cli.selection.dry_run import DryRun, is_dry_run, say_dry_run
from vimesh.client.calls.front_stubs import Front


def apply(  # noqa: PLR0913 - one parameter per flag
    *,
    file: Annotated[
        Path,
        typer.Option(
            FILE_FLAG,
            "-f",
            metavar="FILE|FOLDER",
            help="Receivers in YAML or JSON: a list, or one per document; a folder: its files; -: standard input.",
            show_default=False,
        ),
    ],
    secret: Annotated[
        list[str] | None,
        typer.Option(
            SECRET_FLAG,
            metavar="RECEIVER.FIELD=FILE",
            help="Secret of a target that is in a file of its own, such as ops.bearer_token=token.txt; may be given "
            "several times.",
        ),
    ] = None,
    prune: Annotated[
        bool, typer.Option("--prune", help="Delete the receivers of the same projects that are not in the file.")
    ] = False,
    project: Annotated[
        str | None,
        typer.Option(
            "--project",
            metavar="ID",
            help="Project of receivers for which the file names none (default: your only one, or all of them).",
        ),
    ] = None,
    dry_run: DryRun = "none",
    output: client_flags.Output = None,
    address: flags.Address = None,
    credentials: flags.Credentials = None,
    profile: flags.Profile = None,
    call_timeout: client_flags.Timeout = None,
    config: flags.Config = None,
) -> None:
    """Create and modify receivers, until they are what a file says. Applied again, it changes nothing.

    Fields that the file leaves out get their defaults, but for `disabled`, which stays as it is. Nothing is changed
    before the fleet has checked the whole file.
    """
    settings = client_settings(
        config, profile=profile, address=address, credentials=credentials, call_timeout=call_timeout, output=output
    )
    only_check = is_dry_run(dry_run)
    desired = read_receivers(file, secret or ())
    applied: list[AppliedReceiver] = []

    def note(one: AppliedReceiver) -> None:
        applied.append(one)
        if settings.output is Output.TABLE:
            for line in one.shown.lines(only_check=only_check):
                typer.echo(printable(line))

    async def apply_all(front: Front) -> None:
        changes = ReceiverChanges(front, file, desired, project=project)
        planned = await changes.plan(prune=prune)
        if not only_check:
            await changes.carry_out(planned, note)
            return
        for one in planned:
            note(one)

    try:
        run(settings, apply_all)
    finally:  # if a change fails, those before it were made
        if settings.output is not Output.TABLE and applied:
            documents.write(settings.output, [one.shown.document() for one in applied])
    say_dry_run(dry_run=only_check)
