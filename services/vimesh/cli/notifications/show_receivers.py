"""vimesh receiver list and show: print receivers."""

from __future__ import annotations

from vimesh.cli.base import client_flags, flags
from vimesh.cli.base.client_settings import client_settings
from vimesh.cli.client.front import run
from vimesh.cli.formats.output_formats import ROWS
from vimesh.cli.lists import list_flags
from vimesh.cli.lists.print_lists import print_items
from vimesh.cli.notifications.find_receiver import ReceiverArgument, ReceiverProject, fetch_receivers, find_receiver
from vimesh.cli.notifications.receiver_output import RECEIVERS, print_receiver
from vimesh.client.calls.front_stubs import Front
from vimesh.v1 import receiver_service_pb2 as pb


def list_receivers(  # noqa: PLR0913 - one parameter per flag
    *,
    columns: list_flags.Columns = None,
    no_headers: list_flags.NoHeaders = False,
    sort_by: list_flags.SortBy = None,
    output: client_flags.RowsOutput = None,
    address: flags.Address = None,
    credentials: flags.Credentials = None,
    profile: flags.Profile = None,
    call_timeout: client_flags.Timeout = None,
    config: flags.Config = None,
) -> None:
    """List receivers: who works for each, since when changes wait for it, and how delivery failed last."""
    settings = client_settings(
        config,
        profile=profile,
        address=address,
        credentials=credentials,
        call_timeout=call_timeout,
        output=output,
        formats=ROWS,
    )
    choice = list_flags.list_choice(settings.output, RECEIVERS, columns=columns, no_headers=no_headers, sort_by=sort_by)
    print_items(RECEIVERS, run(settings, fetch_receivers), choice)


def show(  # noqa: PLR0913 - one parameter per flag
    receiver: ReceiverArgument,
    *,
    project: ReceiverProject = None,
    output: client_flags.RowsOutput = None,
    address: flags.Address = None,
    credentials: flags.Credentials = None,
    profile: flags.Profile = None,
    call_timeout: client_flags.Timeout = None,
    config: flags.Config = None,
) -> None:
    """Show everything about one receiver but its secrets."""
    settings = client_settings(
        config,
        profile=profile,
        address=address,
        credentials=credentials,
        call_timeout=call_timeout,
        output=output,
        formats=ROWS,
    )

    async def fetch(front: Front) -> pb.Receiver:
        return await find_receiver(front, receiver, project)

    print_receiver(settings.output, run(settings, fetch))
