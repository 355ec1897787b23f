"""Converts reports from the domain to protobuf, and statuses back."""

from __future__ import annotations

from collections.abc import Iterable

from vimesh.domain.vims import Status
from vimesh.monitor.reporting.report_ledger import SentReport
from vimesh.v1 import conductor_service_pb2, vim_pb2
from vimesh.wire.wire_durations import set_duration

MAX_DETAIL = 512

_STATUS_ON_WIRE = {
    Status.PENDING: vim_pb2.Vim.PENDING,
    Status.REACHABLE: vim_pb2.Vim.REACHABLE,
    Status.UNREACHABLE: vim_pb2.Vim.UNREACHABLE,
    Status.UNKNOWN: vim_pb2.Vim.UNKNOWN,
}
_STATUS = {on_wire: status for status, on_wire in _STATUS_ON_WIRE.items()}


def reports_to_wire(batch: Iterable[SentReport]) -> conductor_service_pb2.UpdateVimsRequest:
    """Write reports straight into the message: a large fleet makes contact thousands of times a second."""
    request = conductor_service_pb2.UpdateVimsRequest()
    add = request.reports.add
    for entry, verdict, observation, age_s in batch:
        report = add(
            vim_id=entry.vim_id,
            status=_STATUS_ON_WIRE[verdict.status],
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
    return _STATUS.get(status, Status.UNKNOWN)
