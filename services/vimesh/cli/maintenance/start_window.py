"""vimesh maintenance start: plans maintenance, beginning now or later."""

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
from vimesh.cli.maintenance.time_flags import TIME_ZONE_FLAG, duration_of, moment_of
from vimesh.cli.maintenance.window_output import print_window, sentence
from vimesh.cli.selection import label_flags
from vimesh.cli.selection.dry_run import DryRun, is_dry_run, say_dry_run
from vimesh.client.calls.front_stubs import Front
from vimesh.client.calls.repeat_calls import Retrying
from vimesh.client.lookups.find_vim import find
from vimesh.domain.maintenance.time_zones import UTC_NAME
from vimesh.domain.settings import BadFlag
from vimesh.v1 import maintenance_service_pb2 as pb

_ATTEMPTS = 3


def start(  # noqa: PLR0913 - one parameter per flag
    vims: Annotated[
        list[str] | None, typer.Argument(metavar="[VIM]...", help="IDs or names of the VIMs.", show_default=False)
    ] = None,
    *,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; shown with the VIMs.")],
    selector: label_flags.Selector = "",
    filter_: Annotated[
        str,
        typer.Option(
            "--filter",
            metavar="TERMS",
            help="""VIMs by what people set, such as 'name = "lab*"'; those that come later, too.""",
        ),
    ] = "",
    for_: Annotated[str, typer.Option("--for", metavar="DURATION", help="How long, such as 2h.")] = "",
    until: Annotated[str, typer.Option("--until", metavar="TIME", help="When it ends, instead of --for.")] = "",
    at: Annotated[
        str, typer.Option("--at", metavar="TIME", help="When it starts, such as 2026-12-01T22:00 (default: now).")
    ] = "",
    rrule: Annotated[
        str, typer.Option("--rrule", metavar="RULE", help="When it starts again, such as 'FREQ=WEEKLY;BYDAY=SU'.")
    ] = "",
    time_zone: Annotated[
        str,
        typer.Option(
            TIME_ZONE_FLAG,
            metavar="ZONE",
            help="Zone of the rule, and of times without one, such as Europe/Berlin.",
        ),
    ] = UTC_NAME,
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
    """Start maintenance of VIMs, now or later, once or again and again."""
    settings = client_settings(
        config, profile=profile, address=address, credentials=credentials, call_timeout=call_timeout, output=output
    )
    wanted, only_check = label_flags.selected(selector, filter_), is_dry_run(dry_run)
    if bool(wanted) is bool(vims):
        raise BadFlag("VIM", "name the VIMs, or select them with --selector or --filter")
    if bool(for_) is bool(until):
        raise BadFlag("--for", "give either --for or --until")
    window = pb.MaintenanceWindow(
        project_id=project or "",
        filter=wanted,
        start_time=moment_of("--at", at, time_zone) if at else None,
        end_time=moment_of("--until", until, time_zone) if until else None,
        duration=duration_of("--for", for_) if for_ else None,
        rrule=rrule,
        time_zone=time_zone,
        reason=reason,
    )

    async def create(front: Front) -> pb.CreateMaintenanceWindowResponse:
        window.vim_ids.extend([(await find(front, given, project)).id for given in vims or ()])
        # With the id of a request, another attempt creates no second window.
        request = pb.CreateMaintenanceWindowRequest(
            window=window, request_id=str(uuid.uuid4()), validate_only=only_check
        )
        retrying = Retrying(SystemRandom(), attempts=_ATTEMPTS)
        return await retrying.repeated(
            lambda: front.maintenance.CreateMaintenanceWindow(request, timeout=front.timeout_s)
        )

    created = run(settings, create)
    if settings.output is Output.TABLE:
        typer.echo(printable(sentence(created.window, created.vim_count, is_plan=only_check)))
    else:
        print_window(settings.output, created.window)
    say_dry_run(dry_run=only_check)
