"""vimesh vim wait: waits for the status of a VIM."""

from __future__ import annotations

from typing import Annotated

import grpc
import typer

from vimesh.cli.base import client_flags, flags
from vimesh.cli.base.client_settings import client_settings
from vimesh.cli.base.durations import limit_s
from vimesh.cli.client.front import run
from vimesh.cli.input.vim_fields import warn
from vimesh.cli.lists.list_flags import ListChoice
from vimesh.cli.lists.print_lists import print_items
from vimesh.cli.output.vim_columns import VIMS
from vimesh.cli.watches.wait_for_status import WaitCondition, wait_for
from vimesh.client.calls.front_stubs import Front
from vimesh.client.lookups.find_vim import find
from vimesh.v1.vim_pb2 import Vim


def wait(  # noqa: PLR0913 - one parameter per flag
    vim: client_flags.Given,
    *,
    for_: Annotated[str, typer.Option("--for", metavar="STATUS|deleted", help="Status to wait for.")],
    timeout: Annotated[str, typer.Option("--timeout", metavar="DURATION", help="How long to wait.")] = "30s",
    project: client_flags.Project = None,
    output: client_flags.Output = None,
    address: flags.Address = None,
    credentials: flags.Credentials = None,
    profile: flags.Profile = None,
    call_timeout: client_flags.CallTimeout = None,
    config: flags.Config = None,
) -> None:
    """Wait until a VIM has a status or is deregistered. Exits with 4 on timeout."""
    settings = client_settings(
        config, profile=profile, address=address, credentials=credentials, call_timeout=call_timeout, output=output
    )
    condition, within_s = WaitCondition.parse("--for", for_, or_deleted=True), limit_s("--timeout", timeout)

    async def find_and_wait(front: Front) -> Vim | None:
        try:
            return await wait_for(front, await find(front, vim, project), condition, within_s)
        except grpc.aio.AioRpcError as error:
            if condition.is_deleted and error.code() is grpc.StatusCode.NOT_FOUND:
                # A typo in the name looks the same, so the warning names what was waited for.
                warn(f"no VIM has the id or name {vim}: assuming that it was deleted")
                return None
            raise

    if (found := run(settings, find_and_wait)) is not None:
        print_items(VIMS, [found], ListChoice(settings.output))
