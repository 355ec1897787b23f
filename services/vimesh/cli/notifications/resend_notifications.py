"""vimesh notification resend and delete: what becomes of notifications that could not be delivered."""

from __future__ import annotations

from typing import Annotated

import typer

from vimesh.cli.base import client_flags, flags
from vimesh.cli.base.client_settings import client_settings
from vimesh.cli.client.front import run
from vimesh.cli.notifications.find_receiver import ReceiverArgument, ReceiverProject, find_receiver
from vimesh.client.calls.front_stubs import Front
from vimesh.v1 import receiver_service_pb2 as pb

Ids = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[ID]...", help="IDs of the notifications (default: all that are dead).", show_default=False
    ),
]


def resend(  # noqa: PLR0913 - one parameter per flag
    receiver: ReceiverArgument,
    ids: Ids = None,
    *,
    project: ReceiverProject = None,
    address: flags.Address = None,
    credentials: flags.Credentials = None,
    profile: flags.Profile = None,
    call_timeout: client_flags.Timeout = None,
    config: flags.Config = None,
) -> None:
    """Send dead notifications again, the oldest first, before anything else."""
    settings = client_settings(
        config, profile=profile, address=address, credentials=credentials, call_timeout=call_timeout, output=None
    )

    async def queue(front: Front) -> int:
        found = await find_receiver(front, receiver, project)
        request = pb.ResendNotificationsRequest(receiver_id=found.id, notification_ids=ids or ())
        return (await front.receivers.ResendNotifications(request, timeout=front.timeout_s)).count

    typer.echo(f"{_counted(run(settings, queue))} will be sent again")


def delete(  # noqa: PLR0913 - one parameter per flag
    receiver: ReceiverArgument,
    ids: Ids = None,
    *,
    project: ReceiverProject = None,
    address: flags.Address = None,
    credentials: flags.Credentials = None,
    profile: flags.Profile = None,
    call_timeout: client_flags.Timeout = None,
    config: flags.Config = None,
) -> None:
    """Delete notifications from the record. Those that are queued are not sent any more."""
    settings = client_settings(
        config, profile=profile, address=address, credentials=credentials, call_timeout=call_timeout, output=None
    )

    async def forget(front: Front) -> int:
        found = await find_receiver(front, receiver, project)
        request = pb.DeleteNotificationsRequest(receiver_id=found.id, notification_ids=ids or ())
        return (await front.receivers.DeleteNotifications(request, timeout=front.timeout_s)).count

    count = run(settings, forget)
    typer.echo(f"{_counted(count)} {'was' if count == 1 else 'were'} deleted")


def _counted(count: int) -> str:
    return f"{count} notification{'' if count == 1 else 's'}"
