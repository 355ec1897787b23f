"""vimesh vim import: registers all VIMs in a file, be it a file of VIMs or that of another client."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vimesh.cli.base import client_flags, flags
from vimesh.cli.base.client_settings import ClientSettings, client_settings
from vimesh.cli.base.durations import limit_s
from vimesh.cli.base.exits import ExitCode, Failure
from vimesh.cli.base.terminal import clipped, printable
from vimesh.cli.client_files import entry_choice
from vimesh.cli.client_files.entry_choice import EntryChoice
from vimesh.cli.input.file_formats import FLAG, format_of
from vimesh.cli.output.progress import progress
from vimesh.cli.selection.dry_run import ClientDryRun, is_client_dry_run, say_dry_run
from vimesh.domain.errors import BadSetting
from vimesh.domain.settings import BadFlag
from vimesh.files.file_errors import BadFile
from vimesh.files.file_sources import STANDARD_INPUT, opened

if TYPE_CHECKING:
    from vimesh.cli.vim_import.file_source.batch_results import FileTally
    from vimesh.cli.vim_import.file_source.check_file import Plan  # needs the extra `import`

_LINES_EVERY_S = 5.0
_INSTALL = "in a checkout of vimesh: pip install '.[cli,import]'"


def import_vims(  # noqa: PLR0913 - one parameter per flag
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="FILE",
            help="File of VIMs, clouds.yaml, kubeconfig, openrc file, or VIM file of Tacker; - reads standard input.",
            show_default=False,
        ),
    ] = None,
    *,
    format_: Annotated[
        str | None,
        typer.Option(
            FLAG, metavar="yaml|json|jsonl|csv|openrc", help="File format (default: from the file's extension or text)."
        ),
    ] = None,
    cloud: entry_choice.Clouds = None,
    kube_context: entry_choice.KubeContexts = None,
    name: Annotated[
        str | None, typer.Option("--name", metavar="NAME", help="Name of the VIM, if there is only one.")
    ] = None,
    without_credentials: Annotated[
        bool,
        typer.Option(
            "--without-credentials",
            help="Leave out the credentials of a clouds.yaml, kubeconfig or openrc file: probes need none.",
        ),
    ] = False,
    dry_run: ClientDryRun = "none",
    skip_invalid: Annotated[
        bool,
        typer.Option(
            "--skip-invalid", help="Register the valid VIMs even if others are invalid, unless the file cannot be read."
        ),
    ] = False,
    rejects: Annotated[
        Path | None, typer.Option("--rejects", metavar="FILE", help="File to write the rejected VIMs to.")
    ] = None,
    give_up: Annotated[
        str, typer.Option("--give-up", metavar="DURATION", help="Stop if nothing answers for this long.")
    ] = "60s",
    output: client_flags.Output = None,
    address: flags.Address = None,
    credentials: flags.Credentials = None,
    profile: flags.Profile = None,
    call_timeout: client_flags.CallTimeout = None,
    config: flags.Config = None,
) -> None:
    """Register all VIMs in a file. Safe to repeat: VIMs that exist already are left as they are.

    Files of openstack, kubectl and Tacker are recognized, and a line for each VIM says what it becomes. Nothing in them
    is executed. The whole file is checked first. Exits with 4 if VIMs were not registered.
    """
    try:
        from vimesh.cli.vim_import.file_source import rejects as rejected  # noqa: PLC0415 - needs protovalidate
        from vimesh.cli.vim_import.file_source import show_tally  # noqa: PLC0415 - as above
        from vimesh.cli.vim_import.file_source.batch_results import FileTally  # noqa: PLC0415 - as above
    except ModuleNotFoundError as error:
        raise Failure(f"{error.name} is not installed", hint=_INSTALL) from None

    settings = client_settings(
        config, profile=profile, address=address, credentials=credentials, call_timeout=call_timeout, output=output
    )
    give_up_s, only_check = limit_s("--give-up", give_up), is_client_dry_run(dry_run)
    if rejects is not None:
        rejected.require_place(rejects, file or Path())
    choice = EntryChoice(tuple(cloud or ()), tuple(kube_context or ()), with_credentials=not without_credentials)
    plan = _check(file, format_, choice, name)
    _require_fit(plan, skip_invalid=skip_invalid)
    for line in [*show_tally.lines(plan.flaws), *show_tally.origin_lines(plan.waiting)]:
        _say(line)
    if only_check:
        _say(show_tally.fit(len(plan.waiting)))
        say_dry_run(dry_run=True)
        return
    tally = FileTally(len(plan.waiting))
    try:
        _send(plan, settings, give_up_s, tally)
    finally:
        # Also after an error: show what was done before it.
        if rejects is not None:
            rejected.write(rejects, plan.flaws, tally.outcomes)
        show_tally.write(settings.output, tally, plan)
        _say(show_tally.summary(tally, plan.flaws))
    if tally.ended_early is not None:
        early = tally.ended_early
        hint = "; ".join(filter(None, [early.hint, "run the same command again to continue"]))
        raise Failure(str(early), code=early.code, details=early.details, hint=hint)
    if tally.outcomes:
        _say(f"hint: {show_tally.next_step(kept=rejects is not None)}")
    if tally.outcomes or plan.flaws:
        raise typer.Exit(ExitCode.NOT_MET)


def _check(file: Path | None, format_: str | None, choice: EntryChoice, name: str | None) -> Plan:
    """Check all VIMs. Raises BadSetting if the file cannot be opened or read, BadFlag."""
    from vimesh.cli.client_files.expand_entries import ClientFiles  # noqa: PLC0415 - YAML is slow to import
    from vimesh.cli.vim_import.file_source.check_file import check  # noqa: PLC0415 - see above

    place = None if file is None or file == STANDARD_INPUT else file
    files = ClientFiles(place, choice)
    if file is None:
        if not choice.clouds and not choice.contexts:
            raise BadFlag("FILE", "is required, or --cloud, or --kube-context")
        return check(entry_choice.called(files.found(), name), lambda _: None)
    found = format_of(format_, place)
    try:
        with progress(lines_every_s=_LINES_EVERY_S) as show:

            def told(done: int) -> None:
                show("checking", done, None)

            with opened(file) as content:
                return check(entry_choice.called(files.entries(found, content), name), told)
    except OSError as error:
        raise BadSetting(str(file), f"cannot be read: {error.strerror}") from error
    except BadFile as error:
        raise BadSetting(str(file), str(error)) from error


def _require_fit(plan: Plan, *, skip_invalid: bool) -> None:
    """Raise Failure unless the plan can be sent."""
    from vimesh.cli.vim_import.file_source import show_tally  # noqa: PLC0415 - see above

    if plan.empty:
        raise Failure("the file is empty: it contains no VIMs")
    if not plan.flaws or (skip_invalid and plan.readable):
        return
    hint = "fix the file" if not plan.readable else "fix the file, or use --skip-invalid to register the others"
    raise Failure(
        "the file cannot be imported; nothing was registered", details=show_tally.lines(plan.flaws), hint=hint
    )


def _send(plan: Plan, settings: ClientSettings, give_up_s: float, tally: FileTally) -> None:
    from vimesh.cli.vim_import.file_source.send_batches import send  # noqa: PLC0415 - see above

    with progress(lines_every_s=_LINES_EVERY_S) as show:

        def told() -> None:
            doing = "registering" if tally.trouble is None else f"waiting, {tally.trouble}"
            show(doing, tally.done, tally.total)

        tally.on_change = told
        asyncio.run(send(plan.waiting, settings, give_up_s, tally))


def _say(text: str) -> None:
    print(printable(clipped(text)), file=sys.stderr)  # noqa: T201 - for people, apart from the data
