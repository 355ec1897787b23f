"""vimesh import: imports VIMs from other systems."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vimesh.cli.base import client_flags, command_settings, common_settings, flags
from vimesh.cli.base.client_settings import client_settings
from vimesh.cli.base.exits import ExitCode, Failure
from vimesh.cli.input import probe_policy, vim_fields
from vimesh.cli.input.probe_policy import PolicyFlags
from vimesh.domain.errors import BadSetting

if TYPE_CHECKING:
    from vimesh.cli.vim_import.tacker_source.import_outcome import TackerTally  # needs the extra `import`
    from vimesh.cli.vim_import.tacker_source.import_run import ImportSettings
    from vimesh.tacker.credentials import CredentialsReader

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Import VIMs from other systems. vimesh import FILE is vimesh vim import FILE.",
)

_MANY = "Import only this VIM; may be repeated."
_INSTALL = "in a checkout of vimesh: pip install '.[cli,import]'"


@app.callback()
def group() -> None:
    """Keep `tacker` a subcommand even where this app is run on its own."""


@app.command()
def tacker(  # noqa: PLR0913 - one parameter per flag
    *,
    database_url: Annotated[
        str | None,
        typer.Option(
            "--database-url",
            metavar="URL",
            help="URL of Tacker's database, as in tacker.conf; with a password, only in the environment or the file "
            "[VIMESH_IMPORT_DATABASE_URL].",
        ),
    ] = None,
    fernet_keys: Annotated[
        str | None,
        typer.Option(
            "--fernet-keys",
            metavar="DIR",
            help="Directory given by [vim_keys] openstack in tacker.conf [VIMESH_IMPORT_FERNET_KEYS].",
        ),
    ] = None,
    without_secrets: Annotated[
        bool,
        typer.Option(
            "--without-secrets",
            help="Leave out secrets whose keys are in Barbican; without --fernet-keys, leave out all secrets.",
        ),
    ] = False,
    engine: vim_fields.Engine = None,
    method: probe_policy.Method = None,
    name: Annotated[list[str] | None, typer.Option("--name", metavar="NAME", help=_MANY)] = None,
    vim_id: Annotated[list[str] | None, typer.Option("--vim-id", metavar="UUID", help=_MANY)] = None,
    project: Annotated[
        list[str] | None,
        typer.Option("--project", metavar="ID", help="Import only VIMs of this project; may be repeated."),
    ] = None,
    no_default: Annotated[
        bool,
        typer.Option("--no-default", help="Do not import or compare whether a VIM is the default of its project."),
    ] = False,
    apply: Annotated[bool, typer.Option("--apply", help="Apply the import (default: dry run).")] = False,
    concurrency: Annotated[
        str | None,
        typer.Option(
            "--concurrency",
            metavar="N",
            help="Maximum number of VIMs to process at once [VIMESH_IMPORT_CONCURRENCY; default: 8].",
        ),
    ] = None,
    output: client_flags.Output = None,
    address: flags.Address = None,
    credentials: flags.Credentials = None,
    profile: flags.Profile = None,
    call_timeout: client_flags.CallTimeout = None,
    config: flags.Config = None,
) -> None:
    """Register the VIMs of a Tacker database, with their ids, projects and credentials. Safe to repeat.

    The default engine is external: a VIM is not probed until it is moved to another engine. Exits with 4 if a VIM
    differs, fails, or cannot be imported.
    """
    try:
        from vimesh.cli.vim_import.tacker_source import import_run, show_outcomes  # noqa: PLC0415 - needs SQL and cryptography
        from vimesh.cli.vim_import.tacker_source.import_outcome import TackerTally  # noqa: PLC0415 - as above
        from vimesh.cli.vim_import.tacker_source.row_to_request import RowReader  # noqa: PLC0415 - as above
        from vimesh.tacker.selection import Selection  # noqa: PLC0415 - as above
    except ModuleNotFoundError as error:
        raise Failure(f"{error.name} is not installed", hint=_INSTALL) from None

    found = common_settings.given(config)
    url = found.read(command_settings.IMPORT_DATABASE_URL, database_url)
    keys = found.read(command_settings.IMPORT_FERNET_KEYS, fernet_keys)
    _check_given(url, keys, without_secrets=without_secrets)
    probing = PolicyFlags(method, None, None, None, None, None, None)
    probing.check()
    wanted = import_run.ImportSettings(
        client=client_settings(
            config, profile=profile, address=address, credentials=credentials, call_timeout=call_timeout, output=output
        ),
        database_url=url,
        selection=Selection(tuple(name or ()), tuple(each.lower() for each in vim_id or ()), tuple(project or ())),
        reader=RowReader(
            _credentials(keys, without_secrets=without_secrets),
            vim_fields.engine(engine or "external"),
            probing,
            with_default=not no_default,
        ),
        concurrency=found.read(command_settings.IMPORT_CONCURRENCY, concurrency),
        apply=apply,
    )
    tally = TackerTally()
    try:
        with show_outcomes.progress_of(tally):
            _run(wanted, tally)
    finally:
        if tally.total is not None:
            # Also after an error: show what was done before it.
            _say(wanted, tally)
    if tally.ended_early is not None:
        raise tally.ended_early
    if show_outcomes.left_to_do(tally):
        raise typer.Exit(ExitCode.NOT_MET)


def _check_given(url: str, fernet_keys: str, *, without_secrets: bool) -> None:
    """Raise BadSetting if one setting is missing, Failure with all of them if several are."""
    from vimesh.tacker.access import URL_REQUIRED  # noqa: PLC0415 - see above

    missing: list[BadSetting] = []
    if not url:
        missing.append(BadSetting(command_settings.IMPORT_DATABASE_URL.flag, URL_REQUIRED))
    if not fernet_keys and not without_secrets:
        what = (
            "is required: the folder given by [vim_keys] openstack in tacker.conf, or a copy; or use --without-secrets"
        )
        missing.append(BadSetting(command_settings.IMPORT_FERNET_KEYS.flag, what))
    if len(missing) > 1:
        raise Failure("settings are missing", details=[str(each) for each in missing])
    if missing:
        raise missing[0]


def _credentials(fernet_keys: str, *, without_secrets: bool) -> CredentialsReader:
    from vimesh.tacker.credentials import CredentialsReader  # noqa: PLC0415 - see above
    from vimesh.tacker.keys import KeyFolder  # noqa: PLC0415 - as above

    if not fernet_keys:
        return CredentialsReader(None, without_secrets=without_secrets)
    folder = Path(fernet_keys)
    if not folder.is_dir():
        raise BadSetting(command_settings.IMPORT_FERNET_KEYS.flag, f"there is no folder {folder}")
    return CredentialsReader(KeyFolder(folder), without_secrets=without_secrets)


def _run(wanted: ImportSettings, tally: TackerTally) -> None:
    from vimesh.cli.vim_import.tacker_source.import_run import run_import  # noqa: PLC0415 - see above
    from vimesh.tacker.tacker_errors import DatabaseAway, TackerError  # noqa: PLC0415 - as above

    try:
        asyncio.run(run_import(wanted, tally))
    except DatabaseAway as error:
        raise Failure(str(error), code=ExitCode.UNAVAILABLE) from error
    except TackerError as error:
        raise Failure(str(error)) from error


def _say(wanted: ImportSettings, tally: TackerTally) -> None:
    from vimesh.cli.vim_import.tacker_source import show_outcomes  # noqa: PLC0415 - see above

    show_outcomes.write(wanted.client.output, tally)
    print(show_outcomes.summary(tally, apply=wanted.apply), file=sys.stderr)  # noqa: T201 - for people, apart from the data
