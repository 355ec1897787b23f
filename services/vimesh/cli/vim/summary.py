"""vimesh vim summary: counts VIMs by status."""

from __future__ import annotations

from typing import Annotated

import typer

from vimesh.cli.base import client_flags, flags
from vimesh.cli.base.client_settings import client_settings
from vimesh.cli.client.front import run
from vimesh.cli.formats.output_formats import Output
from vimesh.cli.output import documents, text_tables
from vimesh.cli.selection import filter_flags, label_flags
from vimesh.client.calls.front_stubs import Front
from vimesh.v1 import vim_service_pb2 as pb

_COUNTS = ("total", "reachable", "unreachable", "unknown", "pending")


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
    output: client_flags.Output = None,
    address: flags.Address = None,
    credentials: flags.Credentials = None,
    profile: flags.Profile = None,
    call_timeout: client_flags.Timeout = None,
    config: flags.Config = None,
) -> None:
    """Count VIMs by status, in groups if wanted."""
    settings = client_settings(
        config, profile=profile, address=address, credentials=credentials, call_timeout=call_timeout, output=output
    )
    wanted = label_flags.selected(selector, filter_)
    fields = ["project_id" if field == "project" else field for field in by or ()]

    async def summarize(front: Front) -> pb.SummarizeVimsResponse:
        request = pb.SummarizeVimsRequest(filter=wanted, group_by=fields)
        with filter_flags.mistakes_shown(wanted):
            return await front.vims.SummarizeVims(request, timeout=front.timeout_s)

    answer = run(settings, summarize)
    if settings.output is Output.TABLE:
        text_tables.write([*(name.upper() for name in (*fields, *_COUNTS))], _rows(answer, len(fields)))
    else:
        documents.write(settings.output, documents.document(answer))


def _rows(answer: pb.SummarizeVimsResponse, fields: int) -> list[list[str]]:
    rows = [[*map(_value, group.values), *_counts(group.counts)] for group in answer.groups if fields]
    if answer.omitted_groups:
        rows.append([f"({answer.omitted_groups} more)", *([""] * (fields - 1 + len(_COUNTS)))])
    return [*rows, [*(["all"] + [""] * (fields - 1) if fields else []), *_counts(answer.total)]]


def _value(value: pb.VimGroupValue) -> str:
    return value.value or '""' if value.HasField("value") else "-"


def _counts(counts: pb.VimStatusCounts) -> list[str]:
    return [str(getattr(counts, name)) for name in _COUNTS]
