"""vimesh receiver create: adds a receiver."""

from __future__ import annotations

import uuid
from random import SystemRandom
from typing import Annotated

import typer

from vimesh.cli.base import client_flags, flags
from vimesh.cli.base.client_settings import client_settings
from vimesh.cli.base.terminal import printable
from vimesh.cli.client.front import run
from vimesh.cli.formats.output_formats import Output
from vimesh.cli.notifications import receiver_flags
from vimesh.cli.notifications.receiver_fields import receiver_of
from vimesh.cli.notifications.receiver_output import print_receiver
from vimesh.cli.selection.dry_run import DryRun, is_dry_run, say_dry_run
from vimesh.client.calls.front_stubs import Front
from vimesh.client.calls.repeat_calls import Retrying
from vimesh.domain.settings import BadFlag
from vimesh.v1 import receiver_service_pb2 as pb

_ATTEMPTS = 3


def create(  # noqa: PLR0913 - one parameter per flag
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="Name of the receiver.", show_default=False)
    ] = None,
    *,
    file: receiver_flags.File = None,
    secret: receiver_flags.Secret = None,
    ca_file: receiver_flags.CaFile = None,
    alertmanager: receiver_flags.Alertmanager = None,
    cloud_events: receiver_flags.CloudEvents = "",
    tacker: receiver_flags.Tacker = "",
    fault_management: receiver_flags.FaultManagement = "",
    selector: receiver_flags.Selector = "",
    filter_: receiver_flags.Filter = "",
    group_by: receiver_flags.GroupBy = None,
    group_wait: receiver_flags.GroupWait = None,
    group_interval: receiver_flags.GroupInterval = None,
    repeat_interval: receiver_flags.RepeatInterval = None,
    project: Annotated[
        str | None,
        typer.Option("--project", metavar="ID", help="Project of the VIMs (default: your only one, or all of them)."),
    ] = None,
    dry_run: DryRun = "none",
    output: client_flags.Output = None,
    address: flags.Address = None,
    credentials: flags.Credentials = None,
    profile: flags.Profile = None,
    call_timeout: client_flags.Timeout = None,
    config: flags.Config = None,
) -> None:
    """Create a receiver. It is notified of each change from now on. E-mail and webhooks need a --file."""
    settings = client_settings(
        config, profile=profile, address=address, credentials=credentials, call_timeout=call_timeout, output=output
    )
    fields = receiver_flags.fields_of(
        file=file,
        secret=secret,
        ca_file=ca_file,
        name=name,
        filter_=filter_,
        selector=selector,
        alertmanager=alertmanager,
        cloud_events=cloud_events,
        tacker=tacker,
        fault_management=fault_management,
        group_by=group_by,
        group_wait=group_wait,
        group_interval=group_interval,
        repeat_interval=repeat_interval,
    )
    if project is not None:
        fields["project_id"] = project
    if not fields.get("name"):
        raise BadFlag("NAME", "is required, as an argument or in the --file")
    only_check = is_dry_run(dry_run)
    # With the id of a request, another attempt creates no second receiver.
    request = pb.CreateReceiverRequest(
        receiver=receiver_of(fields), request_id=str(uuid.uuid4()), validate_only=only_check
    )

    async def add(front: Front) -> pb.Receiver:
        retrying = Retrying(SystemRandom(), attempts=_ATTEMPTS)
        answer = await retrying.repeated(lambda: front.receivers.CreateReceiver(request, timeout=front.timeout_s))
        return answer.receiver

    created = run(settings, add)
    if settings.output is not Output.TABLE:
        print_receiver(settings.output, created)
    elif not only_check:
        typer.echo(printable(f"receiver {created.name} is {created.id}; try it: vimesh receiver test {created.id}"))
    say_dry_run(dry_run=only_check)
