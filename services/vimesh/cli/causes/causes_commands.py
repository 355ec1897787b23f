"""vimesh causes list and show: what VIMs have in common that were lost together."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import Annotated, Final

import typer

from vimesh.cli.base import client_flags, flags
from vimesh.cli.base.client_settings import client_settings
from vimesh.cli.client.front import run
from vimesh.cli.formats.output_formats import ROWS, Output
from vimesh.cli.lazy_commands import group_with_aliases
from vimesh.cli.lists import list_flags
from vimesh.cli.lists.print_lists import print_item, print_pages
from vimesh.cli.output import documents, text_tables
from vimesh.cli.output.table_columns import ResourceTable, TableColumn, Visibility
from vimesh.cli.output.vim_columns import exact_moment, since
from vimesh.cli.verb_first import ALIASES
from vimesh.client.calls.front_stubs import Front
from vimesh.client.enum_names import name_of
from vimesh.client.lookups.answer_pages import fetch_pages
from vimesh.v1 import fleet_service_pb2 as pb
from vimesh.v1.vim_pb2 import VimCause

app = typer.Typer(
    cls=group_with_aliases(ALIASES),
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Show what VIMs have in common that were lost together.",
)

CAUSES: Final = ResourceTable[pb.Cause](
    columns=(
        TableColumn("ID", lambda cause: cause.id),
        TableColumn("KIND", lambda cause: name_of(VimCause.Kind, cause.kind)),
        TableColumn("SUBJECT", lambda cause: cause.subject),
        TableColumn("PROJECT", lambda cause: cause.project_id, Visibility.IF_ANY),
        TableColumn("REASON", lambda cause: cause.reason),
        TableColumn("AFFECTED", lambda cause: str(cause.affected_count), value=lambda cause: cause.affected_count),
        TableColumn("VIMS", lambda cause: str(cause.vim_count), value=lambda cause: cause.vim_count),
        TableColumn("SINCE", lambda cause: since(cause.start_time), value=lambda cause: exact_moment(cause.start_time)),
        TableColumn("ENDED", lambda cause: exact_moment(cause.end_time), Visibility.IF_ANY),
        TableColumn("OF", lambda cause: str(cause.population or ""), Visibility.WIDE),
    ),
    name=lambda cause: cause.id,
)


@app.command("list")
def list_causes(  # noqa: PLR0913 - one parameter per flag
    *,
    everything: Annotated[bool, typer.Option("--all", "-a", help="Show causes that have ended, too.")] = False,
    limit: Annotated[
        int | None, typer.Option("--limit", metavar="N", min=1, help="Maximum number of causes to show.")
    ] = None,
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
    """List the causes of VIMs that are UNREACHABLE or UNKNOWN, the newest first.

    Single outages have none.
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
    choice = list_flags.list_choice(
        settings.output, CAUSES, columns=columns, no_headers=no_headers, sort_by=sort_by, limit=limit
    )

    def cause_pages(front: Front) -> AsyncGenerator[Sequence[pb.Cause]]:
        async def fetch(size: int, token: str) -> tuple[Sequence[pb.Cause], str]:
            request = pb.ListCausesRequest(page_size=size, page_token=token, ended=everything)
            page = await front.fleet.ListCauses(request, timeout=front.timeout_s)
            return page.causes, page.next_page_token

        return fetch_pages(fetch, choice.limit_of_fetch)

    run(settings, lambda front: print_pages(CAUSES, cause_pages(front), choice))


@app.command()
def show(  # noqa: PLR0913 - one parameter per flag
    cause: Annotated[str, typer.Argument(metavar="ID", help="ID of the cause.", show_default=False)],
    *,
    output: client_flags.RowsOutput = None,
    address: flags.Address = None,
    credentials: flags.Credentials = None,
    profile: flags.Profile = None,
    call_timeout: client_flags.Timeout = None,
    config: flags.Config = None,
) -> None:
    """Show one cause, and up to 100 of the VIMs that it still affects."""
    settings = client_settings(
        config,
        profile=profile,
        address=address,
        credentials=credentials,
        call_timeout=call_timeout,
        output=output,
        formats=ROWS,
    )

    async def fetch(front: Front) -> pb.GetCauseResponse:
        return await front.fleet.GetCause(pb.GetCauseRequest(cause_id=cause), timeout=front.timeout_s)

    answer = run(settings, fetch)
    if print_item(CAUSES, answer.cause, settings.output):
        return
    if settings.output is not Output.TABLE:
        documents.write(settings.output, documents.document(answer))
        return
    # Only a label has a project.
    fields = [(field, str(value)) for field, value in documents.document(answer.cause).items() if value != ""]
    fields.append(("vims", " ".join(vim.name for vim in answer.vims)))
    text_tables.write(("FIELD", "VALUE"), fields)
