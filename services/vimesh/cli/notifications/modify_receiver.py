"""vimesh receiver modify: changes a receiver."""

from __future__ import annotations

from typing import Annotated

import typer

from vimesh.cli.base import client_flags, flags
from vimesh.cli.base.client_settings import client_settings
from vimesh.cli.base.terminal import printable
from vimesh.cli.client.front import run
from vimesh.cli.formats.output_formats import Output
from vimesh.cli.notifications import receiver_flags
from vimesh.cli.notifications.find_receiver import ReceiverArgument, ReceiverProject, find_receiver
from vimesh.cli.notifications.receiver_fields import receiver_of
from vimesh.cli.notifications.receiver_output import print_receiver
from vimesh.cli.selection.dry_run import DryRun, is_dry_run, say_dry_run
from vimesh.client.calls.front_stubs import Front
from vimesh.domain.settings import BadFlag
from vimesh.v1 import receiver_service_pb2 as pb


def modify(  # noqa: PLR0913 - one parameter per flag
    receiver: ReceiverArgument,
    *,
    name: Annotated[str | None, typer.Option("--name", metavar="NAME", help="New name.")] = None,
    enabled: Annotated[
        bool | None,
        typer.Option(
            "--enable/--disable", help="Whether it is notified. What it misses is made up for.", show_default=False
        ),
    ] = None,
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
    project: ReceiverProject = None,
    dry_run: DryRun = "none",
    output: client_flags.Output = None,
    address: flags.Address = None,
    credentials: flags.Credentials = None,
    profile: flags.Profile = None,
    call_timeout: client_flags.Timeout = None,
    config: flags.Config = None,
) -> None:
    """Change a receiver: the fields in the file, and those that flags give. Others stay as they are."""
    settings = client_settings(
        config, profile=profile, address=address, credentials=credentials, call_timeout=call_timeout, output=output
    )
    only_check = is_dry_run(dry_run)
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
    if enabled is not None:
        fields["disabled"] = not enabled
    # It cannot be changed, and stands in what `show` prints.
    fields.pop("project_id", None)
    if not fields:
        raise BadFlag("--file", "says what to change; nothing is given, nor any other flag")
    request = pb.ModifyReceiverRequest(receiver=receiver_of(fields), validate_only=only_check)
    request.update_mask.paths.extend(fields)

    async def change(front: Front) -> pb.Receiver:
        request.receiver.id = (await find_receiver(front, receiver, project)).id
        return (await front.receivers.ModifyReceiver(request, timeout=front.timeout_s)).receiver

    changed = run(settings, change)
    if settings.output is not Output.TABLE:
        print_receiver(settings.output, changed)
    elif not only_check:
        typer.echo(printable(f"receiver {changed.name} was modified"))
    say_dry_run(dry_run=only_check)
