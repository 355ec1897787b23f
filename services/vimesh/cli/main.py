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
from vimesh.cli.plain_values import HELP_FLAGS
from vimesh.cli.verb_first import group_first
from vimesh.domain.errors import BadSetting, StoreUnavailable, VimeshError
from vimesh.domain.settings import ADDRESS, CREDENTIALS, BadFlag
from vimesh.runtime.core_dumps import forbid_core_dumps


def _print_version(*, wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version  # noqa: PLC0415 - takes 40 ms, which only --version needs

        typer.echo(f"vimesh {version('vimesh')}")
        raise typer.Exit


COMMANDS: Final = {
    "up": CommandSource(
        "vimesh.cli.commands.up:up",
        "Run a whole fleet in the foreground: Envoy, conductors, an api process, a monitor, a notifier, a console.",
    ),
    "demo": CommandSource(
        "vimesh.cli.commands.up:demo",
        "Run a fleet with three endpoints that come and go, and show their status changes.",
    ),
    "vim": CommandSource("vimesh.cli.vim.vim_commands:app", "Register, show, change and watch VIMs."),
    "probe": CommandSource(
        "vimesh.cli.diagnosis.probe_url:probe",
        "Probe a URL once from this machine, without a fleet, and print what was seen step by step.",
    ),
    "apply": CommandSource(
        "vimesh.cli.apply.apply_files:apply", "Register and change VIMs, until they are what files say."
    ),
    "diff": CommandSource(
        "vimesh.cli.apply.apply_files:diff", "Show what `vimesh apply` would change, field by field."
    ),
    "export": CommandSource("vimesh.cli.apply.export_vims:export", "Write VIMs as `vimesh apply` reads them."),
    "maintenance": CommandSource(
        "vimesh.cli.maintenance.maintenance_commands:app",
        "Plan maintenance of VIMs: probing goes on, and shows that they are worked on.",
    ),
    "receiver": CommandSource(
        "vimesh.cli.notifications.receiver_commands:app",
        "Say who is notified when VIMs are lost and found: Alertmanager, CloudEvents, e-mail, Tacker, ETSI, webhooks.",
    ),
    "notification": CommandSource(
        "vimesh.cli.notifications.notification_commands:app",
        "See notifications that could not be delivered, and send them again.",
    ),
    "top": CommandSource(
        "vimesh.cli.top.show_top:top",
        "Show the fleet on the full screen: counts, VIMs, changes as they come.",
        epilog="vimesh.cli.selection.filter_help:FILTER_HELP",
    ),
    "status": CommandSource(
        "vimesh.cli.commands.status:status",
        "Show the fleet at one look: VIMs by status, processes, database, open tasks, and what is wrong.",
        epilog="vimesh.cli.commands.status:EPILOG",
    ),
    "availability": CommandSource(
        "vimesh.cli.availability.show_availability:availability",
        "Show how long VIMs were reachable, unreachable, unknown, pending, or in maintenance.",
    ),
    "causes": CommandSource(
        "vimesh.cli.causes.causes_commands:app", "Show what VIMs have in common that were lost together."
    ),
    "login": CommandSource("vimesh.cli.login.login_commands:login", "Get a token from the issuer of a profile."),
    "logout": CommandSource(
        "vimesh.cli.login.login_commands:logout",
        "Remove the token of a profile, and revoke the login at its issuer if that has a way to do so.",
    ),
    "profile": CommandSource("vimesh.cli.login.profile_commands:app", "Name fleets, and choose one of them."),
    "version": CommandSource(
        "vimesh.cli.access.version:version",
        "Show the versions of this command, of the conductor that answers, and of the contract between them.",
    ),
    "whoami": CommandSource(
        "vimesh.cli.access.whoami:whoami", "Show the identity, roles and projects that the fleet knows the caller by."
    ),
    "auth": CommandSource("vimesh.cli.access.whoami:auth", "Check what the caller may do."),
    "quota": CommandSource("vimesh.cli.quotas.quota_commands:app", "Show what a project may have, and what it has."),
    "conductor": CommandSource(
        "vimesh.cli.commands.conductor:conductor", "Serve every gRPC service until SIGTERM or Ctrl-C, then drain."
    ),
    "monitor": CommandSource(
        "vimesh.cli.commands.monitor:monitor", "Probe the VIMs of the embedded engine until SIGTERM or Ctrl-C."
    ),
    "monitors": CommandSource(
        "vimesh.cli.monitors.monitors_commands:app", "List the monitors that share the VIMs, and drain one of them."
    ),
    "notify": CommandSource(
        "vimesh.cli.notifications.notify:notify",
        "Notify receivers of VIMs that are lost and found, until SIGTERM or Ctrl-C.",
    ),
    "api": CommandSource(
        "vimesh.cli.commands.api:api",
        "Serve Tacker's REST API until SIGTERM or Ctrl-C; "
        "with --engine mistral, also start and remove Mistral workflows.",
    ),
    "console": CommandSource(
        "vimesh.cli.console.serve_console:console",
        "Serve the console and status pages until SIGTERM or Ctrl-C.",
    ),
    "bridge": CommandSource(
        "vimesh.cli.commands.bridge:bridge",
        "Serve the RPC of Tacker's conductor to ping actions until SIGTERM or Ctrl-C.",
    ),
    "workflows": CommandSource("vimesh.cli.commands.workflows:app", "Audit and repair the workflows in Mistral."),
    "envoy": CommandSource("vimesh.cli.commands.envoy:app", "Render and validate the configuration of Envoy."),
    "db": CommandSource("vimesh.cli.commands.db:app", "Create, upgrade and check the database."),
    "upgrade": CommandSource("vimesh.cli.upgrade.upgrade_commands:app", "Upgrade a fleet to this release."),
    "certs": CommandSource("vimesh.cli.commands.certs:app", "Make, renew and revoke the certificates of a fleet."),
    "import": CommandSource("vimesh.cli.commands.import_tacker:app", "Import VIMs from other systems."),
}

app = typer.Typer(
    cls=lazy_group(COMMANDS, aliases={"context": "profile"}, reorder=group_first),
    context_settings={"help_option_names": list(HELP_FLAGS)},
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
