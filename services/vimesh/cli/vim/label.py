"""vimesh vim label: sets and removes labels of a VIM."""

from __future__ import annotations

from typing import Annotated

import grpc
import typer

from vimesh.cli.base import client_flags, flags
from vimesh.cli.base.client_settings import client_settings
from vimesh.cli.base.exits import Failure
from vimesh.cli.client.find_vim import find
from vimesh.cli.client.front import Front, run
from vimesh.cli.input.label_flags import change_of
from vimesh.cli.output import print_vims
from vimesh.domain.labels.label_change import LabelChange
from vimesh.v1 import vim_service_pb2 as pb
from vimesh.v1.vim_pb2 import Vim
from vimesh.wire.vim_messages import LABEL_PATH

_ATTEMPTS = 5


def label(  # noqa: PLR0913 - one parameter per flag
    vim: client_flags.Given,
    changes: Annotated[
        list[str],
        typer.Argument(
            metavar="KEY=VALUE|KEY-...", help="Labels to set, and with a - at the end to remove.", show_default=False
        ),
    ],
    *,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace labels that have another value already.")
    ] = False,
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
    change = change_of(changes, "vim label")

    async def find_and_label(front: Front) -> Vim:
        return await _label(front, await find(front, vim, project), change, overwrite=overwrite)

    print_vims.one(settings.output, run(settings, find_and_label))


async def _label(front: Front, vim: Vim, change: LabelChange, *, overwrite: bool) -> Vim:
    for attempt in range(1, _ATTEMPTS + 1):
        if not overwrite:
            _require_new(vim, change)
        request = pb.ModifyVimRequest(vim=Vim(id=vim.id, labels=change.values))
        request.update_mask.paths.extend(f"{LABEL_PATH}{key}" for key in (*change.values, *sorted(change.removed)))
        # Only what was looked at is guarded: with --overwrite nothing was.
        request.etag = "" if overwrite else vim.etag
        try:
            return (await front.vims.ModifyVim(request, timeout=front.timeout_s)).vim
        except grpc.aio.AioRpcError as error:
            if error.code() is not grpc.StatusCode.ABORTED or attempt == _ATTEMPTS:
                raise
        vim = (await front.vims.GetVim(pb.GetVimRequest(vim_id=vim.id), timeout=front.timeout_s)).vim
    raise AssertionError("the last attempt raises")


def _require_new(vim: Vim, change: LabelChange) -> None:
    """Raise Failure if a label has another value already."""
    other = [key for key, value in change.values.items() if vim.labels.get(key, value) != value]
    if other:
        raise Failure(
            f"{vim.name} has other values already: {', '.join(f'{key}={vim.labels[key]}' for key in other)}",
            hint="to replace them, add --overwrite",
        )
