"""vimesh vim label: sets and removes labels of a VIM, or of all VIMs that match."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable
from dataclasses import dataclass
from typing import Annotated

import grpc
import typer
from google.protobuf.field_mask_pb2 import FieldMask

from vimesh.cli.base import client_flags, flags
from vimesh.cli.base.client_settings import client_settings
from vimesh.cli.base.exits import Failure
from vimesh.cli.client.front import run
from vimesh.cli.lists import print_vims
from vimesh.cli.selection import label_flags
from vimesh.cli.selection.dry_run import DryRun, is_dry_run, say_dry_run
from vimesh.cli.vim.change_selected import Changed, Filter, change_all
from vimesh.cli.vim.list_and_show import vim_pages
from vimesh.client.calls.front_stubs import Front
from vimesh.client.lookups.find_vim import find
from vimesh.domain.labels.label_change import LabelChange
from vimesh.domain.settings import BadFlag
from vimesh.v1 import vim_service_pb2 as pb
from vimesh.v1.vim_pb2 import Vim
from vimesh.wire.vim_messages import LABEL_PATH

_COMMAND = "vim label"
_ATTEMPTS = 5
_SHOWN = 10
"""Maximum number of labels to name that are in the way."""


def label(  # noqa: PLR0913 - one parameter per flag
    given: Annotated[
        list[str],
        typer.Argument(
            metavar="[VIM] KEY=VALUE|KEY-...",
            help="ID or name of the VIM, unless VIMs are selected; labels to set, and with a - at the end to remove.",
            show_default=False,
        ),
    ],
    *,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace labels that have another value already.")
    ] = False,
    selector: label_flags.Selector = "",
    filter_: Filter = "",
    dry_run: DryRun = "none",
    project: client_flags.Project = None,
    output: client_flags.Output = None,
    address: flags.Address = None,
    credentials: flags.Credentials = None,
    profile: flags.Profile = None,
    call_timeout: client_flags.Timeout = None,
    config: flags.Config = None,
) -> None:
    """Set and remove labels of a VIM, and keep the others. Removing one that the VIM does not have is no error."""
    settings = client_settings(
        config, profile=profile, address=address, credentials=credentials, call_timeout=call_timeout, output=output
    )
    several = bool(selector.strip() or filter_.strip())
    changes = given if several else given[1:]
    if not changes:
        raise BadFlag(_COMMAND, "no label to set or to remove; see vimesh vim label --help")
    labelling = _Labelling(label_flags.change_of(changes, _COMMAND), overwrite=overwrite, dry_run=is_dry_run(dry_run))
    if several:
        wanted = label_flags.selected(selector, filter_, project)
        change_all(settings, lambda front: labelling.each_call(front, wanted), labelling.done)
    else:
        print_vims.one(settings.output, run(settings, lambda front: labelling.one(front, given[0], project)))
    say_dry_run(dry_run=labelling.dry_run)


@dataclass(frozen=True, slots=True)
class _Labelling:
    change: LabelChange
    overwrite: bool
    dry_run: bool

    @property
    def done(self) -> str:
        return "would label" if self.dry_run else "labelled"

    async def one(self, front: Front, given: str, project: str | None) -> Vim:
        """Change a VIM, given by its id or name; return it as it is afterwards."""
        vim = await find(front, given, project)
        for attempt in range(1, _ATTEMPTS + 1):
            self._require_new([vim])
            # Only what was looked at is guarded: with --overwrite nothing was.
            request = pb.ModifyVimRequest(
                vim=Vim(id=vim.id, labels=self.change.values),
                update_mask=self._mask(),
                etag="" if self.overwrite else vim.etag,
                validate_only=self.dry_run,
            )
            try:
                return (await front.vims.ModifyVim(request, timeout=front.timeout_s)).vim
            except grpc.aio.AioRpcError as error:
                if error.code() is not grpc.StatusCode.ABORTED or attempt == _ATTEMPTS:
                    raise
            vim = (await front.vims.GetVim(pb.GetVimRequest(vim_id=vim.id), timeout=front.timeout_s)).vim
        raise AssertionError("the last attempt raises")

    async def each_call(self, front: Front, filter_: str) -> AsyncGenerator[Changed]:
        """Change all VIMs that match."""
        if not self.overwrite:
            self._require_new([vim async for page in vim_pages(front, filter_, "name", None) for vim in page])
        token = ""
        while True:
            request = pb.ModifyVimsRequest(
                filter=filter_,
                page_token=token,
                vim=Vim(labels=self.change.values),
                update_mask=self._mask(),
                validate_only=self.dry_run,
            )
            response = await front.vims.ModifyVims(request, timeout=front.timeout_s)
            yield response.results
            if not (token := response.next_page_token):
                return

    def _mask(self) -> FieldMask:
        return FieldMask(paths=[f"{LABEL_PATH}{key}" for key in (*self.change.values, *sorted(self.change.removed))])

    def _require_new(self, vims: Iterable[Vim]) -> None:
        """Raise Failure if a label has another value already, unless it is to be replaced."""
        others = [
            f"{vim.name} has {key}={vim.labels[key]}"
            for vim in vims
            for key, value in self.change.values.items()
            if vim.labels.get(key, value) != value
        ]
        if others and not self.overwrite:
            raise Failure(
                "labels have other values already; nothing was changed",
                details=others[:_SHOWN],
                hint="to replace them, add --overwrite",
            )
