"""Converts the fleet at one look to its message, and what a process says of itself from one."""

from __future__ import annotations

from typing import Final

from vimesh.domain.causes.causes import CauseDetail, CommonCause
from vimesh.domain.fleet.fleet_status import FleetStatus
from vimesh.domain.fleet.process_announcements import Announcement, FleetProcess, ProcessKind
from vimesh.domain.pool.pool_members import PoolMonitor, PoolPlace
from vimesh.domain.views.vantages import DEFAULT_VANTAGE
from vimesh.domain.vims import Status
from vimesh.v1 import action_pb2, workflow_service_pb2
from vimesh.v1 import fleet_service_pb2 as pb
from vimesh.wire.request_messages import id_of
from vimesh.wire.vim_messages import CAUSE_KIND_VALUES
from vimesh.wire.wire_durations import duration, seconds, timestamp

KIND_VALUES: Final = {kind: pb.FleetProcess.Kind.Value(kind.value) for kind in ProcessKind}
_KINDS: Final = {value: kind for kind, value in KIND_VALUES.items()}


def announcement_of(request: pb.ReportProcessRequest) -> Announcement:
    """Read a request that keeps the rules of its proto."""
    kind = _KINDS[request.kind]
    return Announcement(
        process_id=id_of(request.process_id),
        kind=kind,
        host=request.host,
        pid=request.pid,
        version=request.version,
        uptime_s=seconds(request.uptime),
        loop_lag_s=seconds(request.loop_lag),
        facts=dict(request.facts),
        # Processes of other kinds probe nothing.
        pool=pool_place(request.pool) if request.HasField("pool") and kind is ProcessKind.MONITOR else None,
    )


def pool_place(message: action_pb2.PoolPlace) -> PoolPlace:
    """Read what a monitor offers, which keeps the rules of its proto."""
    return PoolPlace(message.vantage or DEFAULT_VANTAGE, message.capacity or 1)


def place_message(place: PoolPlace) -> action_pb2.PoolPlace:
    return action_pb2.PoolPlace(vantage=place.vantage, capacity=place.capacity)


def announcement_message(announcement: Announcement, *, ending: bool) -> pb.ReportProcessRequest:
    return pb.ReportProcessRequest(
        process_id=announcement.process_id,
        kind=KIND_VALUES[announcement.kind],
        host=announcement.host,
        pid=announcement.pid,
        version=announcement.version,
        uptime=duration(announcement.uptime_s),
        loop_lag=duration(announcement.loop_lag_s),
        facts=announcement.facts,
        ending=ending,
        pool=None if announcement.pool is None else place_message(announcement.pool),
    )


def monitor_message(monitor: PoolMonitor) -> pb.PoolMonitor:
    return pb.PoolMonitor(
        monitor_id=monitor.monitor_id,
        vantage=monitor.vantage,
        capacity=monitor.capacity,
        draining=monitor.draining,
        actions=monitor.actions,
        host=monitor.host,
        pid=monitor.pid,
        version=monitor.version,
        identity=monitor.identity,
        join_time=timestamp(monitor.join_time),
        lease_time=timestamp(monitor.lease_time),
    )


def fleet_message(status: FleetStatus) -> pb.GetFleetStatusResponse:
    message = pb.GetFleetStatusResponse(
        time=timestamp(status.time),
        vims=pb.VimCounts(
            total=status.total,
            pending=status.with_status(Status.PENDING),
            reachable=status.with_status(Status.REACHABLE),
            unreachable=status.with_status(Status.UNREACHABLE),
            unknown=status.with_status(Status.UNKNOWN),
            unwatched=status.unwatched,
        ),
        troubles=[pb.FleetTrouble(reason=trouble.reason, message=trouble.message) for trouble in status.troubles],
    )
    if (whole := status.whole) is not None:
        message.whole_fleet = True
        message.processes.extend(_process_message(process) for process in whole.processes)
        message.database.CopyFrom(
            pb.FleetDatabase(
                product=whole.database.product,
                version=whole.database.version,
                latency=duration(whole.database.latency_s),
            )
        )
        message.tasks.extend(
            pb.OpenTasks(
                kind=workflow_service_pb2.WorkflowTask.Kind.Value(todos.kind.value),
                count=todos.count,
                oldest_age=duration(todos.oldest_age_s),
            )
            for todos in whole.todos
        )
    return message


def _process_message(process: FleetProcess) -> pb.FleetProcess:
    return pb.FleetProcess(
        process_id=process.process_id,
        kind=KIND_VALUES[process.kind],
        host=process.host,
        pid=process.pid,
        version=process.version,
        identity=process.identity,
        start_time=timestamp(process.start_time),
        seen_time=timestamp(process.seen_time),
        missing=process.missing,
        loop_lag=duration(process.loop_lag_s),
        facts=process.facts,
    )


def cause_message(cause: CommonCause) -> pb.Cause:
    return pb.Cause(
        id=cause.id,
        kind=CAUSE_KIND_VALUES[cause.kind],
        subject=cause.subject,
        project_id=cause.project_id,
        reason=cause.reason,
        start_time=timestamp(cause.start_time),
        end_time=None if cause.end_time is None else timestamp(cause.end_time),
        vim_count=cause.vim_count,
        affected_count=cause.affected_count,
        population=cause.population,
    )


def cause_detail_message(detail: CauseDetail) -> pb.GetCauseResponse:
    vims = [pb.AffectedVim(vim_id=vim.vim_id, name=vim.name) for vim in detail.vims]
    return pb.GetCauseResponse(cause=cause_message(detail.cause), vims=vims)
