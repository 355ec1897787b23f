"""Reports between protobuf and the domain."""

from __future__ import annotations

from vimesh.domain.vims import Report, Status
from vimesh.rpc.durations import duration
from vimesh.v1 import conductor_service_pb2, vim_pb2

MAX_DETAIL = 512

_STATUS_ON_WIRE = {
    Status.PENDING: vim_pb2.Vim.PENDING,
    Status.REACHABLE: vim_pb2.Vim.REACHABLE,
    Status.UNREACHABLE: vim_pb2.Vim.UNREACHABLE,
    Status.UNKNOWN: vim_pb2.Vim.UNKNOWN,
}
_STATUS = {on_wire: status for status, on_wire in _STATUS_ON_WIRE.items()}


def report_to_wire(report: Report) -> conductor_service_pb2.UpdateVimRequest:
    return conductor_service_pb2.UpdateVimRequest(
        vim_id=report.vim_id,
        status=_STATUS_ON_WIRE[report.status],
        action_id=report.action_id,
        observation=report.observation,
        reason=report.reason,
        detail=report.detail[:MAX_DETAIL],
        round_trip=None if report.round_trip_s is None else duration(report.round_trip_s),
        age=duration(report.age_s),
    )


def status_from_wire(status: vim_pb2.Vim.Status.ValueType) -> Status:
    """A status that a later version knows reads as UNKNOWN."""
    return _STATUS.get(status, Status.UNKNOWN)
