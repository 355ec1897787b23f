"""vimesh receiver test: sends a test, and waits for what becomes of it."""

from __future__ import annotations

import asyncio
import time
from typing import Annotated, Final

import typer

from vimesh.cli.base import client_flags, flags
from vimesh.cli.base.client_settings import client_settings
from vimesh.cli.base.durations import limit_s
from vimesh.cli.base.exits import ExitCode, Failure
from vimesh.cli.base.terminal import printable
from vimesh.cli.client.front import run
from vimesh.cli.notifications.find_receiver import ReceiverArgument, ReceiverProject, find_receiver
from vimesh.client.calls.front_stubs import Front
from vimesh.v1 import receiver_service_pb2 as pb

_LOOK_EVERY_S: Final = 0.5
_WAIT_FLAG: Final = "--wait-timeout"


def send_test(  # noqa: PLR0913 - one parameter per flag
    receiver: ReceiverArgument,
    *,
    wait_timeout: Annotated[
        str, typer.Option(_WAIT_FLAG, metavar="DURATION", help="How long to wait for its delivery.")
    ] = "30s",
    project: ReceiverProject = None,
    address: flags.Address = None,
    credentials: flags.Credentials = None,
    profile: flags.Profile = None,
    call_timeout: client_flags.Timeout = None,
    config: flags.Config = None,
) -> None:
    """Send a test notification, and say whether the receiver took it."""
    settings = client_settings(
        config, profile=profile, address=address, credentials=credentials, call_timeout=call_timeout, output=None
    )
    within_s = limit_s(_WAIT_FLAG, wait_timeout)

    async def send(front: Front) -> pb.Notification:
        found = await find_receiver(front, receiver, project)
        request = pb.TestReceiverRequest(receiver_id=found.id)
        queued = (await front.receivers.TestReceiver(request, timeout=front.timeout_s)).notification
        return await _settled(front, queued, within_s)

    ended = run(settings, send)
    if ended.state == pb.Notification.DEAD:
        raise Failure(f"the test was not delivered: {ended.error}")
    if ended.state != pb.Notification.DELIVERED:
        why = f"; the last attempt failed: {ended.error}" if ended.error else ""
        raise Failure(
            f"the test was not delivered within {wait_timeout}{why}",
            code=ExitCode.NOT_MET,
            hint=f"it is tried again: vimesh notification show {ended.id}; vimesh status lists notifiers",
        )
    typer.echo(printable(f"{receiver} took the test"))


async def _settled(front: Front, notification: pb.Notification, within_s: float) -> pb.Notification:
    """Return the notification once it is delivered or dead, or as it is when the time is over."""
    request = pb.GetNotificationRequest(notification_id=notification.id)
    deadline = time.monotonic() + within_s
    while notification.state == pb.Notification.QUEUED and time.monotonic() < deadline:
        await asyncio.sleep(_LOOK_EVERY_S)
        notification = (await front.receivers.GetNotification(request, timeout=front.timeout_s)).notification
    return notification
