"""Asks conductors what status pages show: how many VIMs have which status, and how long they had it."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import grpc
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from vimesh.console.status.cached_answer import FleetUnanswered
from vimesh.console.status.pages_file import MAX_LINES, StatusPage
from vimesh.domain.filters.filter_fields import LABEL_PREFIX
from vimesh.runtime.outage_log import OutageLog
from vimesh.v1 import availability_service_pb2, vim_service_pb2
from vimesh.v1.availability_service_pb2_grpc import AvailabilityServiceStub
from vimesh.v1.vim_service_pb2_grpc import VimServiceStub

if TYPE_CHECKING:  # exist for type checkers only
    from vimesh.v1.availability_service_pb2_grpc import AvailabilityServiceAsyncStub
    from vimesh.v1.vim_service_pb2_grpc import VimServiceAsyncStub

DAYS: Final = 90
_WITHIN_S: Final = 5.0
_DAYS_WITHIN_S: Final = 30.0
_PAGE_SIZE: Final = 1000
_MAX_PAGES: Final = 25
"""Conductors refuse to count more than 20,000 rows, which is the 90 days of 222 lines."""
_NOTHING: Final = vim_service_pb2.VimStatusCounts()


@dataclass(frozen=True, slots=True)
class LineCounts:
    """The VIMs of a line; those in maintenance are in no other count."""

    reachable: int = 0
    unreachable: int = 0
    unknown: int = 0
    pending: int = 0
    maintenance: int = 0

    @property
    def total(self) -> int:
        return self.reachable + self.unreachable + self.unknown + self.pending + self.maintenance


@dataclass(frozen=True, slots=True)
class PageCounts:
    lines: Mapping[str, LineCounts]
    """By value of the label."""
    omitted: int
    """Values beyond MAX_LINES. There may be more, if conductors did not give all of those."""


@dataclass(frozen=True, slots=True)
class DayDurations:
    """How long the VIMs of a line had which status on a day, added up, in microseconds."""

    reachable: int
    unreachable: int
    unknown: int
    maintenance: int


@dataclass(frozen=True, slots=True)
class PageDays:
    last: dt.date
    """The day that has not ended, of UTC."""
    counted_until: dt.datetime
    lines: Mapping[str, Mapping[dt.date, DayDurations]]
    """By value of the label; a day without any time is missing."""


class FleetAnswers:
    """Raises FleetUnanswered when conductors do not answer in time, or refuse."""

    def __init__(self, front: grpc.aio.Channel, now: Callable[[], dt.datetime]) -> None:
        """`now`: the time in UTC, by which the last day of a page is chosen."""
        self._vims: VimServiceAsyncStub = VimServiceStub(front)
        self._availability: AvailabilityServiceAsyncStub = AvailabilityServiceStub(front)
        self._now = now
        self._outage_log = OutageLog("conductors", "status pages", meanwhile="status pages say what was so before")

    async def counts(self, page: StatusPage) -> PageCounts:
        """Count the VIMs of a page now."""
        async with self._answering(_WITHIN_S):
            (working, left_out), (maintained, also_left_out) = await asyncio.gather(
                self._summary(page, "maintenance = false"), self._summary(page, "maintenance = true")
            )
        values = sorted({*working, *maintained}, key=lambda value: (page.shown(value).casefold(), value))
        lines = {
            value: _line(working.get(value, _NOTHING), maintained.get(value, _NOTHING).total)
            for value in values[:MAX_LINES]
        }
        # The same value may be left out of both.
        return PageCounts(lines, len(values) - len(lines) + max(left_out, also_left_out))

    async def days(self, page: StatusPage) -> PageDays:
        """Read how long the VIMs of a page had which status, on each of the last days."""
        today = self._now().date()
        request = availability_service_pb2.QueryAvailabilityRequest(
            filter=page.vims,
            start_time=_midnight(today - dt.timedelta(days=DAYS - 1)),
            by=(f"{LABEL_PREFIX}{page.label}", "day"),
            page_size=_PAGE_SIZE,
        )
        lines: dict[str, dict[dt.date, DayDurations]] = {}
        async with self._answering(_DAYS_WITHIN_S):
            for _ in range(_MAX_PAGES):
                answer = await self._availability.QueryAvailability(request, timeout=_DAYS_WITHIN_S)
                for row in answer.rows:
                    value, day = row.group
                    lines.setdefault(value, {})[dt.date.fromisoformat(day)] = _durations(row)
                request.page_token = answer.next_page_token
                if not request.page_token:
                    break
        return PageDays(today, answer.time.ToDatetime(dt.UTC), lines)

    async def _summary(self, page: StatusPage, term: str) -> tuple[Mapping[str, vim_service_pb2.VimStatusCounts], int]:
        """Return the counts by value of the label, and how many values were left out."""
        request = vim_service_pb2.SummarizeVimsRequest(
            filter=f"{term} AND {page.vims}", group_by=(f"{LABEL_PREFIX}{page.label}",)
        )
        answer = await self._vims.SummarizeVims(request, timeout=_WITHIN_S)
        return {group.values[0].value: group.counts for group in answer.groups}, answer.omitted_groups

    @asynccontextmanager
    async def _answering(self, within_s: float) -> AsyncGenerator[None]:
        try:
            async with asyncio.timeout(within_s):
                yield
        except grpc.aio.AioRpcError as error:
            self._outage_log.note_failure(f"{error.code().name}: {error.details()}")
            raise FleetUnanswered from error
        except TimeoutError as error:
            self._outage_log.note_failure(f"no answer within {within_s:g} s")
            raise FleetUnanswered from error
        self._outage_log.note_success()


def _line(working: vim_service_pb2.VimStatusCounts, maintenance: int) -> LineCounts:
    return LineCounts(working.reachable, working.unreachable, working.unknown, working.pending, maintenance)


def _durations(row: availability_service_pb2.AvailabilityRow) -> DayDurations:
    return DayDurations(*map(_micros, (row.reachable, row.unreachable, row.unknown, row.maintenance)))


def _micros(duration: Duration) -> int:
    return duration.seconds * 1_000_000 + duration.nanos // 1000


def _midnight(day: dt.date) -> Timestamp:
    moment = Timestamp()
    moment.FromDatetime(dt.datetime.combine(day, dt.time(), dt.UTC))
    return moment
