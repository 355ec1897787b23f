"""vimesh receiver delete: removes a receiver."""

from __future__ import annotations

import typer

from vimesh.cli.base import client_flags, flags
from vimesh.cli.base.client_settings import client_settings
from vimesh.cli.base.terminal import printable
from vimesh.cli.client.front import run
from vimesh.cli.notifications.find_receiver import ReceiverArgument, ReceiverProject, find_receiver
from vimesh.client.calls.front_stubs import Front
from vimesh.v1 import receiver_service_pb2 as pb


def delete(  # noqa: PLR0913 - one parameter per flag
    receiver: ReceiverArgument,
    *,
    project: ReceiverProject = None,
    address: flags.Address = None,
    credentials: flags.Credentials = None,
    profile: flags.Profile = None,
    call_timeout: client_flags.Timeout = None,
    config: flags.Config = None,
) -> None:
    """Delete a receiver, with the notifications that could not be delivered to it."""
    settings = client_settings(
        config, profile=profile, address=address, credentials=credentials, call_timeout=call_timeout, output=None
    )

    async def remove(front: Front) -> pb.Receiver:
        found = await find_receiver(front, receiver, project)
        await front.receivers.DeleteReceiver(pb.DeleteReceiverRequest(receiver_id=found.id), timeout=front.timeout_s)
        return found

    typer.echo(printable(f"receiver {run(settings, remove).name} was deleted"))
