"""Converts reports from the domain to protobuf, and statuses back."""

from __future__ import annotations

from collections.abc import Iterable

from vimesh.domain.vims import Status
from vimesh.monitor.reporting.report_ledger import SentReport
from vimesh.v1 import conductor_service_pb2, vim_pb2
from vimesh.wire.vim_messages import STATUS_VALUES, STATUSES
from vimesh.wire.wire_durations import set_duration

MAX_DETAIL = 512


def reports_to_wire(batch: Iterable[SentReport]) -> conductor_service_pb2.UpdateVimsRequest:
    """Write reports straight into the message: a large fleet makes contact thousands of times a second."""
    request = conductor_service_pb2.UpdateVimsRequest()
    add = request.reports.add
    for entry, verdict, observation, age_s in batch:
        report = add(
            vim_id=entry.vim_id,
            status=STATUS_VALUES[verdict.status],
            action_id=entry.action_id,
            observation=observation,
        )
        if verdict.reason:
            report.reason = verdict.reason
        if verdict.detail:
            report.detail = verdict.detail[:MAX_DETAIL]
        if verdict.round_trip_s is not None:
            set_duration(report.round_trip, verdict.round_trip_s)
        set_duration(report.age, age_s)
    return request


def status_from_wire(status: vim_pb2.Vim.Status.ValueType) -> Status:
    """Return the status; one that only a later version knows reads as UNKNOWN."""
    return STATUSES.get(status, Status.UNKNOWN)
