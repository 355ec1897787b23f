"""Reads questions of availability, and writes their answers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from typing import Final

from google.protobuf.duration_pb2 import Duration

from vimesh.domain.access.caller import Caller
from vimesh.domain.availability.availability_query import (
    AvailabilityPage,
    AvailabilityQuery,
    AvailabilityRow,
    parse_days,
    parse_groups,
)
from vimesh.domain.availability.counted_days import MAX_CAUSES, OTHER_REASON, Cause, Counts
from vimesh.domain.availability.timeline import MAINTENANCE
from vimesh.domain.filters.parse_filter import parse_filter
from vimesh.domain.queries import DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE
from vimesh.domain.vims import Status
from vimesh.v1 import availability_service_pb2 as pb
from vimesh.v1 import vim_pb2
from vimesh.wire.wire_durations import timestamp

_MICROS: Final = 1_000_000


def availability_query(request: pb.QueryAvailabilityRequest, caller: Caller) -> AvailabilityQuery:
    """Read a request that keeps the rules of its proto. Raises BadInput, FilterInvalid."""
    start = request.start_time.ToDatetime(dt.UTC)
    end = request.end_time.ToDatetime(dt.UTC) if request.HasField("end_time") else None
    return AvailabilityQuery(
        parse_filter(request.filter),
        parse_days(start, end),
        parse_groups(request.by),
        min(request.page_size or DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE),
        request.page_token,
        caller.projects,
    )


def availability_message(page: AvailabilityPage) -> pb.QueryAvailabilityResponse:
    return pb.QueryAvailabilityResponse(
        rows=map(_row_message, page.rows), next_page_token=page.next_page_token, time=timestamp(page.time)
    )


def _row_message(row: AvailabilityRow) -> pb.AvailabilityRow:
    totals = dict.fromkeys((*Status, MAINTENANCE), 0)
    for cause, micros in row.counts.items():
        totals[cause.status] += micros
    durations = {status.lower(): _duration(micros) for status, micros in totals.items()}
    causes = [
        pb.AvailabilityCause(status=vim_pb2.Vim.Status.Value(status), reason=reason, duration=_duration(micros))
        for (status, reason), micros in _longest(row.counts)
    ]
    return pb.AvailabilityRow(group=row.group, vim_name=row.vim_name, causes=causes, **durations)


def _longest(counts: Mapping[Cause, int]) -> Iterator[tuple[Cause, int]]:
    """Yield the longest causes, and the rest of them added up by status."""
    causes = sorted(counts.items(), key=lambda item: (item[0].reason == OTHER_REASON, -item[1], item[0]))
    causes = [item for item in causes if item[0].status != MAINTENANCE]
    rest: Counts = {}
    for position, (cause, micros) in enumerate(causes):
        if position < MAX_CAUSES and cause.reason != OTHER_REASON:
            yield cause, micros
        else:
            other = Cause(cause.status, OTHER_REASON)
            rest[other] = rest.get(other, 0) + micros
    yield from rest.items()


def _duration(micros: int) -> Duration:
    """Return the message, exactly."""
    seconds, rest = divmod(micros, _MICROS)
    return Duration(seconds=seconds, nanos=rest * 1000)
