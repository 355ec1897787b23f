"""Assembles the `vimesh` command and maps errors to exit codes."""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence
from typing import Annotated, Any, Final, NoReturn

import typer

from vimesh.cli.base import client_flags, exits, flags
from vimesh.cli.base.exits import ExitCode, Failure
from vimesh.cli.base.terminal import speaks_unicode
from vimesh.cli.command_line import begin_command_line, set_flags_before
from vimesh.cli.lazy_commands import CommandSource, lazy_group
from vimesh.cli.verb_first import group_first
from vimesh.domain.errors import BadSetting, StoreUnavailable, VimeshError
from vimesh.domain.settings import ADDRESS, CREDENTIALS, BadFlag
from vimesh.runtime.core_dumps import forbid_core_dumps


def _print_version(*, wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version  # noqa: PLC0415 - takes 40 ms, which only --version needs

        typer.echo(f"vimesh {version('vimesh')}")
        raise typer.Exit


_COMMANDS: Final = {
    "up": CommandSource("vimesh.cli.commands.up:up"),
    "demo": CommandSource("vimesh.cli.commands.up:demo"),
    "vim": CommandSource("vimesh.cli.vim.vim_commands:app"),
    "maintenance": CommandSource("vimesh.cli.maintenance.maintenance_commands:app"),
    "receiver": CommandSource("vimesh.cli.notifications.receiver_commands:app"),
    "notification": CommandSource("vimesh.cli.notifications.notification_commands:app"),
    "status": CommandSource("vimesh.cli.commands.status:status", epilog="vimesh.cli.commands.status:EPILOG"),
    "availability": CommandSource("vimesh.cli.availability.show_availability:availability"),
    "login": CommandSource("vimesh.cli.login.login_commands:login"),
    "logout": CommandSource("vimesh.cli.login.login_commands:logout"),
    "profile": CommandSource("vimesh.cli.login.profile_commands:app"),
    "version": CommandSource("vimesh.cli.access.version:version"),
    "whoami": CommandSource("vimesh.cli.access.whoami:whoami"),
    "auth": CommandSource("vimesh.cli.access.whoami:auth"),
    "quota": CommandSource("vimesh.cli.quotas.quota_commands:app"),
    "conductor": CommandSource("vimesh.cli.commands.conductor:conductor"),
    "monitor": CommandSource("vimesh.cli.commands.monitor:monitor"),
    "notify": CommandSource("vimesh.cli.notifications.notify:notify"),
    "api": CommandSource("vimesh.cli.commands.api:api"),
    "bridge": CommandSource("vimesh.cli.commands.bridge:bridge"),
    "workflows": CommandSource("vimesh.cli.commands.workflows:app"),
    "envoy": CommandSource("vimesh.cli.commands.envoy:app"),
    "db": CommandSource("vimesh.cli.commands.db:app"),
    "upgrade": CommandSource("vimesh.cli.upgrade.upgrade_commands:app"),
    "certs": CommandSource("vimesh.cli.commands.certs:app"),
    "import": CommandSource("vimesh.cli.commands.import_tacker:app"),
}

app = typer.Typer(
    cls=lazy_group(_COMMANDS, aliases={"context": "profile"}, reorder=group_first),
    context_settings={"help_option_names": ["-h", "--help"]},
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
_UsageError: Any = typer.BadParameter.__base__
"""The library exports only what is derived from it."""


@app.callback(epilog=exits.EPILOG)
def root(  # noqa: PLR0913 - one parameter per flag
    *,
    _version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Print the version.")
    ] = False,
    address: flags.Address = None,
    credentials: flags.Credentials = None,
    profile: flags.Profile = None,
    output: client_flags.RowsOutput = None,
    call_timeout: client_flags.CallTimeout = None,
    config: flags.Config = None,
) -> None:
    """Show which VIMs can be reached.

    The flags below may also stand after the command, if it has them; those after it win.
    """
    set_flags_before(
        {
            ADDRESS.key: address,
            CREDENTIALS.key: credentials,
            "profile": profile,
            "output": output,
            "call_timeout": call_timeout,
            "config": None if config is None else str(config),
        }
    )


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run a command line (default: that of this process) and exit with a documented code."""
    if arguments is None:
        # All processes of vimesh start here, and most of them hold keys or passwords.
        forbid_core_dumps()
    _accept_any_text(sys.stdout)
    begin_command_line(sys.argv[1:] if arguments is None else arguments)
    try:
        ended = app(arguments, prog_name="vimesh", standalone_mode=False)
    except BaseException as error:
        code = _code_of(error)
        if code is None:
            raise
        sys.exit(code)
    sys.exit(ended if isinstance(ended, int) else ExitCode.OK)


def _accept_any_text(stream: object) -> None:
    """Replace characters that a terminal cannot show, instead of failing: names are of any script."""
    if isinstance(stream, io.TextIOWrapper) and not speaks_unicode(stream):
        stream.reconfigure(errors="replace")


def _code_of(error: BaseException) -> ExitCode | None:  # noqa: PLR0911 - one return per kind of error
    """Print the error and return its exit code; None if the error needs a traceback."""
    match _known(error):
        case _UsageError() as usage:
            return _show_usage_error(usage)
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
                    hint="install what a fleet needs: `pip install 'vimesh[fleet]'`, or `make up` in a checkout",
                )
            )
            return ExitCode.ERROR
        case KeyboardInterrupt():
            return ExitCode.INTERRUPTED
    return None


def _show_usage_error(error: Any) -> ExitCode:  # noqa: ANN401 - as above
    """Print what the library found wrong with the command line, as we print what we find."""
    if type(error).__name__ == "NoArgsIsHelpError":
        error.show()
        return ExitCode.USAGE
    parameter = getattr(error, "param", None)
    message = error.format_message()
    if parameter is not None:
        is_flag = parameter.param_type_name == "option"
        name = max(parameter.opts, key=len) if is_flag else (parameter.metavar or parameter.name.upper()).strip("[].")
        message = f"{name}: {error.message.rstrip('.') or 'is required'}"
    hint = f"{error.ctx.command_path} --help" if error.ctx is not None else ""
    exits.show(Failure(message, hint=hint))
    return ExitCode.USAGE


def _known(error: BaseException) -> BaseException:
    """Return the first error of an exception group, or the group itself if one of its errors needs a traceback."""
    if not isinstance(error, BaseExceptionGroup):
        return error
    inner = [_known(each) for each in error.exceptions]
    explain_unavailable = all(isinstance(each, Failure | BadSetting | VimeshError) for each in inner)
    return inner[0] if explain_unavailable else error
