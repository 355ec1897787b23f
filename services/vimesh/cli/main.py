"""Assembles the `vimesh` command and maps errors to exit codes."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated, NoReturn

import typer

from vimesh.cli.availability.show_availability import availability
from vimesh.cli.base import exits
from vimesh.cli.base.exits import ExitCode, Failure
from vimesh.cli.commands import certs, db, envoy, status, workflows
from vimesh.cli.commands.api import api
from vimesh.cli.commands.bridge import bridge
from vimesh.cli.commands.conductor import conductor
from vimesh.cli.commands.import_tacker import app as importing
from vimesh.cli.commands.monitor import monitor
from vimesh.cli.commands.up import demo, up
from vimesh.cli.commands.whoami import auth, whoami
from vimesh.cli.login.login_commands import login, logout
from vimesh.cli.login.profile_commands import app as profile
from vimesh.cli.maintenance.maintenance_commands import app as maintenance
from vimesh.cli.vim.vim_commands import app as vim
from vimesh.domain.errors import BadSetting, StoreUnavailable, VimeshError
from vimesh.domain.settings import BadFlag
from vimesh.runtime.core_dumps import forbid_core_dumps


def _print_version(*, wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version  # noqa: PLC0415 - takes 40 ms, which only --version needs

        typer.echo(f"vimesh {version('vimesh')}")
        raise typer.Exit


app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, pretty_exceptions_enable=False)


@app.callback(epilog=exits.EPILOG)
def root(
    *,
    _version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Print the version.")
    ] = False,
) -> None:
    """Show which VIMs can be reached."""


app.command()(up)
app.command()(demo)
app.add_typer(vim, name="vim")
app.add_typer(maintenance, name="maintenance")
app.command(epilog=status.EPILOG)(status.status)
app.command()(availability)
app.command()(login)
app.command()(logout)
app.add_typer(profile, name="profile")
app.command()(whoami)
app.add_typer(auth, name="auth")
app.command()(conductor)
app.command()(monitor)
app.command()(api)
app.command()(bridge)
app.add_typer(workflows.app, name="workflows")
app.add_typer(envoy.app, name="envoy")
app.add_typer(db.app, name="db")
app.add_typer(certs.app, name="certs")
app.add_typer(importing, name="import")


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run a command line (default: that of this process) and exit with a documented code."""
    if arguments is None:
        # All processes of vimesh start here, and most of them hold keys or passwords.
        forbid_core_dumps()
    try:
        app(arguments, prog_name="vimesh")
    except BaseException as error:
        code = _code_of(error)
        if code is None:
            raise
        sys.exit(code)
    sys.exit(ExitCode.OK)


def _code_of(error: BaseException) -> ExitCode | None:  # noqa: PLR0911 - one return per kind of error
    """Print the error and return its exit code; None if the error needs a traceback."""
    match _known(error):
        case Failure() as failure:
            exits.show(failure)
            return failure.code
        case BadFlag() as flag:
            exits.show(Failure(str(flag)))
            return ExitCode.USAGE
        case StoreUnavailable() as away:
            from vimesh.store.databases.unavailability import explain_unavailable  # noqa: PLC0415 - a client needs no store

            exits.show(Failure(explain_unavailable(away)))
            return ExitCode.UNAVAILABLE
        case BadSetting() | VimeshError() as known:
            exits.show(Failure(str(known)))
            return ExitCode.ERROR
        case UnicodeEncodeError():
            # Python turns bytes of arguments and settings that are not UTF-8 into lone surrogates.
            exits.show(Failure("an argument or a setting is not UTF-8 text and cannot be sent"))
            return ExitCode.ERROR
        case ModuleNotFoundError(name=str(missing)) if not missing.startswith("vimesh"):
            exits.show(
                Failure(
                    f"{missing} is not installed: this command needs an optional part of vimesh",
                    hint="in a checkout, `make up` installs all parts; pyproject.toml lists them",
                )
            )
            return ExitCode.ERROR
        case KeyboardInterrupt():
            return ExitCode.INTERRUPTED
    return None


def _known(error: BaseException) -> BaseException:
    """Return the first error of an exception group, or the group itself if one of its errors needs a traceback."""
    if not isinstance(error, BaseExceptionGroup):
        return error
    inner = [_known(each) for each in error.exceptions]
    explain_unavailable = all(isinstance(each, Failure | BadSetting | VimeshError) for each in inner)
    return inner[0] if explain_unavailable else error
