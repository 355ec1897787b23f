"""vimesh vim history: shows round trips and losses of a VIM."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

import typer
from google.protobuf.timestamp_pb2 import Timestamp

from vimesh.cli.base import client_flags, durations, flags
from vimesh.cli.base.client_settings import client_settings
from vimesh.cli.client.front import run
from vimesh.cli.formats.output_formats import ROWS, Output
from vimesh.cli.lists import list_flags
from vimesh.cli.lists.print_lists import print_items
from vimesh.cli.output import documents
from vimesh.cli.output.history_plot import SAMPLES, print_plot
from vimesh.client.calls.front_stubs import Front
from vimesh.client.lookups.find_vim import find
from vimesh.domain.settings import BadFlag
from vimesh.v1 import history_service_pb2 as pb
from vimesh.wire.wire_durations import duration

_TIME_HELP = "an ISO 8601 time, or how long ago, such as 2h"


def history(  # noqa: PLR0913 - one parameter per flag
    vim: client_flags.Given,
    *,
    from_: Annotated[
        str | None,
        typer.Option("--from", metavar="TIME", help=f"Start: {_TIME_HELP} (default: an hour before the end)."),
    ] = None,
    to: Annotated[str | None, typer.Option("--to", metavar="TIME", help=f"End: {_TIME_HELP} (default: now).")] = None,
    resolution: Annotated[
        str | None,
        typer.Option(
            "--resolution",
            metavar="1m|10m|1h",
            help="Time of each line; of the past, only the longer ones are kept (default: what makes a few hundred).",
        ),
    ] = None,
    project: client_flags.Project = None,
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
    """Show round trips and losses of a VIM over time, with a bar of each mean round trip.

    With -o wide, -c, --no-headers or --sort-by, there are no bars.
    LOST counts probes without an answer in time, including those of rounds that were answered in the end. There is no
    history of VIMs whose monitors keep none: see vimesh monitor --history.
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
    choice = list_flags.list_choice(settings.output, SAMPLES, columns=columns, no_headers=no_headers, sort_by=sort_by)
    now = dt.datetime.now(dt.UTC)
    start, end = _time("--from", from_, now), _time("--to", to, now)
    span = _resolution(resolution)

    async def fetch(front: Front) -> pb.ListSamplesResponse:
        vim_id = (await find(front, vim, project)).id
        request = pb.ListSamplesRequest(vim_id=vim_id, start_time=start, end_time=end)
        if span:
            request.resolution.CopyFrom(duration(span))
        return await front.history.ListSamples(request, timeout=front.timeout_s)

    answer = run(settings, fetch)
    if settings.output is Output.TABLE and not (columns or no_headers or sort_by):
        print_plot(answer.samples)
    elif settings.output in (Output.TABLE, Output.WIDE, Output.NAME, Output.CSV):
        print_items(SAMPLES, answer.samples, choice)
    else:
        documents.write(settings.output, documents.document(answer))


def _time(flag: str, text: str | None, now: dt.datetime) -> Timestamp | None:
    if text is None:
        return None
    time = Timestamp()
    try:
        time.FromDatetime(now - dt.timedelta(seconds=durations.seconds(text)))
    except (ValueError, OverflowError):
        try:
            time.FromDatetime(dt.datetime.fromisoformat(text).astimezone(dt.UTC))
        except (ValueError, OverflowError):
            raise BadFlag(flag, f"must be {_TIME_HELP}, not {text[:50]!r}") from None
    return time


def _resolution(text: str | None) -> float:
    try:
        return 0.0 if text is None else durations.seconds(text)
    except ValueError as error:
        raise BadFlag("--resolution", str(error)) from None
