"""vimesh vim summary: counts VIMs by status."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Final

import typer

from vimesh.cli.base import client_flags, flags
from vimesh.cli.base.client_settings import client_settings
from vimesh.cli.client.front import run
from vimesh.cli.formats.output_formats import ROWS, Output
from vimesh.cli.lists import list_flags
from vimesh.cli.lists.print_lists import print_items
from vimesh.cli.output import documents
from vimesh.cli.output.table_columns import ResourceTable, TableColumn
from vimesh.cli.selection import filter_flags, label_flags
from vimesh.client.calls.front_stubs import Front
from vimesh.v1 import vim_service_pb2 as pb

_ALL: Final = "all"
_COUNTS: Final = ("total", "reachable", "unreachable", "unknown", "pending")


def summary(  # noqa: PLR0913 - one parameter per flag
    *,
    by: Annotated[
        list[str] | None,
        typer.Option(
            "--by",
            metavar="FIELD",
            help="Group by status, reason, type, project, engine or labels.KEY; up to three times.",
            show_default=False,
        ),
    ] = None,
    filter_: filter_flags.FilterFlag = "",
    selector: label_flags.Selector = "",
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
    """Count VIMs by status, in groups if wanted.

    A table ends with the counts of all; CSV and names are of the groups alone.
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
    wanted = label_flags.selected(selector, filter_)
    fields = ["project_id" if field == "project" else field for field in by or ()]
    table = summary_table(fields)
    choice = list_flags.list_choice(settings.output, table, columns=columns, no_headers=no_headers, sort_by=sort_by)

    async def summarize(front: Front) -> pb.SummarizeVimsResponse:
        request = pb.SummarizeVimsRequest(filter=wanted, group_by=fields)
        with filter_flags.mistakes_shown(wanted):
            return await front.vims.SummarizeVims(request, timeout=front.timeout_s)

    answer = run(settings, summarize)
    if settings.output not in (Output.TABLE, Output.WIDE, Output.NAME, Output.CSV):
        documents.write(settings.output, documents.document(answer))
        return
    as_table = settings.output in (Output.TABLE, Output.WIDE)
    print_items(
        table, counted_groups(answer, len(fields)), choice, after=total_rows(answer, len(fields)) if as_table else ()
    )


@dataclass(frozen=True, slots=True)
class CountedGroup:
    values: Sequence[str]
    counts: pb.VimStatusCounts | None
    """None: only said to be left out."""


def summary_table(fields: Sequence[str]) -> ResourceTable[CountedGroup]:
    return ResourceTable(
        columns=(
            *(_value_column(field, index) for index, field in enumerate(fields)),
            *(_count_column(name) for name in _COUNTS),
        ),
        name=lambda group: ",".join(group.values) or _ALL,
    )


def _value_column(field: str, index: int) -> TableColumn[CountedGroup]:
    return TableColumn(field.upper(), lambda group: group.values[index])


def _count_column(name: str) -> TableColumn[CountedGroup]:
    def count(group: CountedGroup) -> int:
        number: int = getattr(group.counts, name)
        return number

    return TableColumn(name.upper(), lambda group: "" if group.counts is None else str(count(group)), value=count)


def counted_groups(answer: pb.SummarizeVimsResponse, fields: int) -> list[CountedGroup]:
    if not fields:
        return [CountedGroup((), answer.total)]
    return [CountedGroup(list(map(_value, group.values)), group.counts) for group in answer.groups]


def total_rows(answer: pb.SummarizeVimsResponse, fields: int) -> list[CountedGroup]:
    """Return the rows after those of the groups."""
    if not fields:
        return []
    others = [""] * (fields - 1)
    left_out = [CountedGroup([f"({answer.omitted_groups} more)", *others], None)] if answer.omitted_groups else []
    return [*left_out, CountedGroup([_ALL, *others], answer.total)]


def _value(value: pb.VimGroupValue) -> str:
    return value.value or '""' if value.HasField("value") else "-"
