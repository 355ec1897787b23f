"""vimesh apply and vimesh diff: VIMs become what files say, or it is shown what that would take."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Final

import typer

from vimesh.cli.apply.applied_lines import refuse
from vimesh.cli.apply.vim_changes import ApplyChoice, VimChanges, VimResult, counts, usual_project
from vimesh.cli.apply.vims_to_apply import VimFromFile, VimName, read_vims
from vimesh.cli.apply.wait_for_applied import wait_for_applied
from vimesh.cli.base import client_flags, flags
from vimesh.cli.base.client_settings import ClientSettings, client_settings
from vimesh.cli.base.durations import limit_s
from vimesh.cli.base.exits import ExitCode, Failure
from vimesh.cli.base.terminal import clipped, printable
from vimesh.cli.client.front import run
from vimesh.cli.formats.output_formats import Output
from vimesh.cli.output import documents
from vimesh.cli.output.progress import progress
from vimesh.cli.selection import label_flags
from vimesh.cli.selection.dry_run import DryRun, is_dry_run, say_dry_run
from vimesh.cli.watches.wait_for_status import WaitCondition
from vimesh.client.calls.front_stubs import Front
from vimesh.domain.filters.match_filter import labels_match
from vimesh.domain.filters.parse_filter import parse_filter
from vimesh.domain.settings import BadFlag

_SET_FLAG: Final = "--apply-set"
_PRUNE_FLAG: Final = "--prune"
_WAIT_FLAG: Final = "--wait"
_FILE: Final = "--file"
_DEFAULT_SET: Final = "default"
_AGAIN: Final = "run the same command again: it shows what is left to do"

File = Annotated[
    Path,
    typer.Option(
        _FILE,
        "-f",
        metavar="FILE|FOLDER",
        help="VIMs in YAML, JSON, JSON Lines or CSV; a folder: its files; -: standard input, in YAML or JSON.",
        show_default=False,
    ),
]
Selector = Annotated[
    str,
    typer.Option(
        label_flags.SELECTOR_FLAG,
        "-l",
        metavar="SELECTOR",
        help="Only VIMs of the files with these labels, such as 'region=eu,!old'.",
    ),
]
ApplySet = Annotated[
    str | None,
    typer.Option(
        _SET_FLAG,
        metavar="NAME",
        help=f"Name under which the VIMs are applied; they belong to it from then on (default: {_DEFAULT_SET}).",
    ),
]
Prune = Annotated[
    bool,
    typer.Option(
        _PRUNE_FLAG, help=f"Deregister the VIMs of the same {_SET_FLAG} that the files do not have. It must be named."
    ),
]
Adopt = Annotated[
    bool, typer.Option("--adopt", help="Take in VIMs that somebody else has registered, or that belong to another set.")
]
Force = Annotated[
    bool,
    typer.Option("--force-conflicts", help="Set fields also if others have set them to other values since."),
]
Project = Annotated[
    str | None,
    typer.Option(
        "--project",
        metavar="ID",
        help="Project of VIMs for which the files name none (default: your only one, or `default`).",
    ),
]


def apply(  # noqa: PLR0913 - one parameter per flag
    *,
    file: File,
    selector: Selector = "",
    apply_set: ApplySet = None,
    prune: Prune = False,
    adopt: Adopt = False,
    force_conflicts: Force = False,
    project: Project = None,
    wait: Annotated[
        str | None,
        typer.Option(_WAIT_FLAG, metavar="STATUS", help="Wait until all VIMs of the files have a status."),
    ] = None,
    wait_timeout: Annotated[str, typer.Option("--wait-timeout", metavar="DURATION", help="How long to wait.")] = "30s",
    dry_run: DryRun = "none",
    output: client_flags.Output = None,
    address: flags.Address = None,
    credentials: flags.Credentials = None,
    profile: flags.Profile = None,
    call_timeout: client_flags.Timeout = None,
    config: flags.Config = None,
) -> None:
    """Register and change VIMs, until they are what files say. Applied again, it changes nothing.

    Fields that the files do not name stay as they are, and so do those that others have set: a conflict is an error.
    Nothing is changed before the fleet has checked all. Exits with 4 if VIMs were refused after that, because others
    have changed them meanwhile.
    """
    settings = client_settings(
        config, profile=profile, address=address, credentials=credentials, call_timeout=call_timeout, output=output
    )
    condition = WaitCondition.parse(_WAIT_FLAG, wait) if wait else None
    within_s, only_check = limit_s("--wait-timeout", wait_timeout), is_dry_run(dry_run)
    if condition is not None and only_check:
        raise BadFlag(_WAIT_FLAG, "cannot be used with --dry-run: nothing changes")
    choice = _choice(apply_set, adopt=adopt, force=force_conflicts, prune=prune)
    job = _Job(file, choice, selector, project, settings, prune=prune)
    shown = _Shown(settings.output, only_check=only_check)

    async def apply_all(front: Front) -> None:
        changes = VimChanges(front, choice)
        planned = await job.plan(front, changes)
        shown.note_all(one for one in planned if only_check or not one.is_change)
        if only_check:
            return
        await changes.carry_out(planned, shown.note)
        if condition is not None and not shown.refused:
            wanted = [one.result.vim_id for one in shown.results if not one.vim.entry.absent]
            await wait_for_applied(front, choice.apply_set, wanted, condition, within_s)

    try:
        run(settings, apply_all)
    finally:  # if a call fails, what was changed before it is shown
        shown.finish()
    say_dry_run(dry_run=only_check)
    if shown.refused:
        raise Failure(
            f"{shown.refused} of {len(shown.results)} VIMs were refused",
            code=ExitCode.NOT_MET,
            details=[one.refusal(settings.address) for one in shown.results if one.is_refused][:20],
            hint=_AGAIN,
        )


def diff(  # noqa: PLR0913 - one parameter per flag
    *,
    file: File,
    selector: Selector = "",
    apply_set: ApplySet = None,
    prune: Prune = False,
    adopt: Adopt = False,
    force_conflicts: Force = False,
    project: Project = None,
    output: client_flags.Output = None,
    address: flags.Address = None,
    credentials: flags.Credentials = None,
    profile: flags.Profile = None,
    call_timeout: client_flags.Timeout = None,
    config: flags.Config = None,
) -> None:
    """Show what `vimesh apply` would change, field by field. Exits with 4 if that is anything."""
    settings = client_settings(
        config, profile=profile, address=address, credentials=credentials, call_timeout=call_timeout, output=output
    )
    choice = _choice(apply_set, adopt=adopt, force=force_conflicts, prune=prune)
    job = _Job(file, choice, selector, project, settings, prune=prune)
    shown = _Shown(settings.output, only_check=True)

    async def plan(front: Front) -> None:
        shown.note_all(await job.plan(front, VimChanges(front, choice)))

    run(settings, plan)
    shown.finish()
    if any(one.is_change for one in shown.results):
        raise typer.Exit(ExitCode.NOT_MET)


def _choice(apply_set: str | None, *, adopt: bool, force: bool, prune: bool) -> ApplyChoice:
    """Raises BadFlag."""
    if prune and apply_set is None:
        # Two people who both forget the name would deregister each other's VIMs.
        raise BadFlag(_PRUNE_FLAG, f"needs {_SET_FLAG}: it deregisters VIMs that belong to that set")
    return ApplyChoice(apply_set or _DEFAULT_SET, adopt=adopt, force=force)


class _Job:
    """What files and flags ask for."""

    def __init__(  # noqa: PLR0913 - each is a flag
        self,
        file: Path,
        choice: ApplyChoice,
        selector: str,
        project: str | None,
        settings: ClientSettings,
        *,
        prune: bool,
    ) -> None:
        """Raises BadFlag if there is something wrong with the selector."""
        self._file = file
        self._choice = choice
        self._filter = label_flags.selected(selector)
        self._project = project
        self._settings = settings
        self._prune = prune

    async def plan(self, front: Front, changes: VimChanges) -> Sequence[VimResult]:
        """Return what each VIM comes to. Raises Failure with all that is refused."""
        project = await usual_project(front) if self._project is None else self._project
        root = parse_filter(self._filter).root
        problems: list[str] = []
        wanted: set[VimName] = set()

        def chosen() -> Iterator[VimFromFile]:
            """Yield the VIMs that the selector selects, by the labels that the files give them."""
            for vim in read_vims(self._file, project, problems):
                wanted.add(vim.key)
                if labels_match(root, vim.entry.vim.labels):
                    yield vim

        with progress(lines_every_s=5.0) as show:
            planned = await changes.plan(chosen(), lambda done: show("comparing", done, None))
        refuse(self._file, problems)
        if not wanted:
            raise Failure(f"{self._file} has no VIMs", hint="vimesh vim deregister removes VIMs")
        if self._prune:
            planned += await changes.plan(await changes.surplus(wanted, self._filter), lambda _: None)
        refused = [one.refusal(self._settings.address) for one in planned if one.is_refused or one.is_of_other_id]
        refuse(self._file, refused, hint=_hint(refused))
        return planned


def _hint(refusals: Sequence[str]) -> str:
    if any("APPLY_CONFLICT" in line for line in refusals):
        return "take what others have set into the files, leave it out there, or set it by --force-conflicts"
    if any("NOT_IN_APPLY_SET" in line for line in refusals):
        return f"--adopt takes VIMs in; they belong to {_SET_FLAG} from then on"
    return ""


class _Shown:
    """Prints results: lines as they come, or one document."""

    def __init__(self, output: Output, *, only_check: bool) -> None:
        self._output = output
        self._only_check = only_check
        self.results: list[VimResult] = []

    @property
    def refused(self) -> int:
        return sum(one.is_refused for one in self.results)

    def note(self, one: VimResult) -> None:
        self.results.append(one)
        if self._output is Output.TABLE and one.is_change:
            for line in one.shown.lines(only_check=self._only_check):
                typer.echo(printable(clipped(line)))

    def note_all(self, results: Iterable[VimResult]) -> None:
        for one in results:
            self.note(one)

    def finish(self) -> None:
        """Print what is told of all together."""
        if self._output is not Output.TABLE:
            documents.write(self._output, [one.shown.document() for one in self.results if not one.is_refused])
        parts = ", ".join(f"{count} {word}" for word, count in counts(self.results).items() if count)
        total = len(self.results)
        if total:
            print(f"{total} {'VIM' if total == 1 else 'VIMs'}: {parts}", file=sys.stderr)  # noqa: T201 - apart from the data
