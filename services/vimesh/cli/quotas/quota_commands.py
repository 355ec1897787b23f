"""vimesh quota show: what a project may have, and what it has."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from vimesh.cli.base import client_flags, flags
from vimesh.cli.base.client_settings import client_settings
from vimesh.cli.client.front import run
from vimesh.cli.formats.output_formats import Output
from vimesh.cli.output import documents, text_tables
from vimesh.client.calls.front_stubs import Front
from vimesh.v1 import access_service_pb2 as pb

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Show what a project may have, and what it has.")

_RESOURCES: Final = ("vims", "event_bytes", "changes_per_s")


@app.command()
def show(  # noqa: PLR0913 - one parameter per flag
    project: Annotated[
        str,
        typer.Argument(metavar="[PROJECT]", help="ID of the project [default: the caller's only project, or default]."),
    ] = "",
    *,
    output: client_flags.Output = None,
    address: flags.Address = None,
    credentials: flags.Credentials = None,
    profile: flags.Profile = None,
    call_timeout: client_flags.Timeout = None,
    config: flags.Config = None,
) -> None:
    """Show the limits of a project, and how much it uses of each."""
    settings = client_settings(
        config, profile=profile, address=address, credentials=credentials, call_timeout=call_timeout, output=output
    )

    async def ask(front: Front) -> pb.Quota:
        return (await front.access.GetQuota(pb.GetQuotaRequest(project_id=project), timeout=front.timeout_s)).quota

    quota = run(settings, ask)
    if settings.output is Output.TABLE:
        rows = [(name, *_cells(getattr(quota, name))) for name in _RESOURCES]
        text_tables.write(("RESOURCE", "LIMIT", "USED"), rows)
    else:
        documents.write(settings.output, documents.document(quota))


def _cells(usage: pb.QuotaUsage) -> tuple[str, str]:
    limit = str(usage.limit) if usage.HasField("limit") else "unlimited"
    return limit, str(usage.used) if usage.HasField("used") else "-"
