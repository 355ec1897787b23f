"""vimesh monitors list and drain: the monitors that share the VIMs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final

import typer

from vimesh.cli.base import client_flags, flags
from vimesh.cli.base.client_settings import client_settings
from vimesh.cli.base.terminal import printable
from vimesh.cli.client.front import run
from vimesh.cli.formats.output_formats import ROWS, Output
from vimesh.cli.lazy_commands import group_with_aliases
from vimesh.cli.lists import list_flags
from vimesh.cli.lists.print_lists import print_item, print_items
from vimesh.cli.output import documents
from vimesh.cli.output.table_columns import ResourceTable, TableColumn, Visibility
from vimesh.cli.output.vim_columns import exact_moment
from vimesh.client.calls.front_stubs import Front
from vimesh.v1 import fleet_service_pb2 as pb

app = typer.Typer(
    cls=group_with_aliases({"ls": "list"}),
    no_args_is_help=True,
    rich_markup_mode=None,
    help="List the monitors that share the VIMs, and drain one of them.",
)

MONITORS: Final = ResourceTable[pb.PoolMonitor](
    columns=(
        TableColumn("ID", lambda monitor: monitor.monitor_id),
        TableColumn("HOST", lambda monitor: monitor.host),
        TableColumn("PID", lambda monitor: str(monitor.pid or "")),
        TableColumn("STATE", lambda monitor: "DRAINING" if monitor.draining else "ACTIVE"),
        TableColumn("CAPACITY", lambda monitor: str(monitor.capacity), value=lambda monitor: monitor.capacity),
        TableColumn("ACTIONS", lambda monitor: str(monitor.actions), value=lambda monitor: monitor.actions),
        TableColumn("JOINED", lambda monitor: exact_moment(monitor.join_time)),
        TableColumn("LEASE", lambda monitor: exact_moment(monitor.lease_time), Visibility.WIDE),
        TableColumn("VANTAGE", lambda monitor: monitor.vantage, Visibility.WIDE),
        TableColumn("VERSION", lambda monitor: monitor.version, Visibility.WIDE),
        TableColumn("IDENTITY", lambda monitor: monitor.identity, Visibility.WIDE),
    ),
    name=lambda monitor: monitor.monitor_id,
)


@app.command("list")
def list_monitors(  # noqa: PLR0913 - one parameter per flag
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
    """List the monitors that share the VIMs, with the number of ping actions that each runs."""
    settings = client_settings(
        config,
        profile=profile,
        address=address,
        credentials=credentials,
        call_timeout=call_timeout,
        output=output,
        formats=ROWS,
    )
    choice = list_flags.list_choice(settings.output, MONITORS, columns=columns, no_headers=no_headers, sort_by=sort_by)

    async def fetch(front: Front) -> Sequence[pb.PoolMonitor]:
        return (await front.fleet.ListMonitors(pb.ListMonitorsRequest(), timeout=front.timeout_s)).monitors

    print_items(MONITORS, run(settings, fetch), choice)


@app.command()
def drain(  # noqa: PLR0913 - one parameter per flag
    monitor: Annotated[str, typer.Argument(metavar="ID", help="ID of the monitor.", show_default=False)],
    *,
    undo: Annotated[bool, typer.Option("--undo", help="Give it VIMs again.")] = False,
    output: client_flags.RowsOutput = None,
    address: flags.Address = None,
    credentials: flags.Credentials = None,
    profile: flags.Profile = None,
    call_timeout: client_flags.Timeout = None,
    config: flags.Config = None,
) -> None:
    """Let the other monitors take over the VIMs of one, so that it can be stopped without a gap.

    Within some seconds it has none. If all monitors drain, they keep their VIMs.
    """
    settings = client_settings(
        config,
        profile=profile,
        address=address,
        credentials=credentials,
        call_timeout=call_timeout,
        output=output,
        formats=ROWS,
    )

    async def ask(front: Front) -> pb.PoolMonitor:
        request = pb.DrainMonitorRequest(monitor_id=monitor, undo=undo)
        return (await front.fleet.DrainMonitor(request, timeout=front.timeout_s)).monitor

    drained = run(settings, ask)
    if print_item(MONITORS, drained, settings.output):
        return
    if settings.output is Output.TABLE:
        typer.echo(
            printable(f"monitor {drained.monitor_id} {'gets VIMs again' if undo else 'leaves its VIMs to others'}")
        )
    else:
        documents.write(settings.output, documents.document(drained))
