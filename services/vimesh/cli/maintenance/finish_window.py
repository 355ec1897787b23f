"""vimesh maintenance end: ends a maintenance window early."""

from __future__ import annotations

import typer

from vimesh.cli.base import client_flags, flags
from vimesh.cli.base.client_settings import client_settings
from vimesh.cli.base.terminal import printable
from vimesh.cli.client.front import run
from vimesh.cli.formats.output_formats import Output
from vimesh.cli.maintenance.show_windows import Window
from vimesh.cli.maintenance.window_output import print_window
from vimesh.client.calls.front_stubs import Front
from vimesh.v1 import maintenance_service_pb2 as pb


def end(  # noqa: PLR0913 - one parameter per flag
    window: Window,
    *,
    output: client_flags.Output = None,
    address: flags.Address = None,
    credentials: flags.Credentials = None,
    profile: flags.Profile = None,
    call_timeout: client_flags.Timeout = None,
    config: flags.Config = None,
) -> None:
    """End a window now, for good. What it has covered stays on record."""
    settings = client_settings(
        config, profile=profile, address=address, credentials=credentials, call_timeout=call_timeout, output=output
    )

    async def finish(front: Front) -> pb.MaintenanceWindow:
        request = pb.EndMaintenanceWindowRequest(window_id=window)
        return (await front.maintenance.EndMaintenanceWindow(request, timeout=front.timeout_s)).window

    ended = run(settings, finish)
    if settings.output is Output.TABLE:
        typer.echo(printable(f"window {ended.id} is over"))
    else:
        print_window(settings.output, ended)
