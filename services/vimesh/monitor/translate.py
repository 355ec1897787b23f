"""Actions and reports between protobuf and the domain."""

from __future__ import annotations

from google.protobuf.duration_pb2 import Duration

from vimesh.domain.actions import Action
from vimesh.domain.probing import Method, ProbePolicy
from vimesh.domain.vims import Report, Status
from vimesh.v1 import action_pb2, conductor_service_pb2, vim_pb2

MAX_DETAIL = 512
DEFAULT_POLICY = ProbePolicy()

_METHODS = {
    vim_pb2.ProbePolicy.METHOD_UNSPECIFIED: DEFAULT_POLICY.method,
    vim_pb2.ProbePolicy.PING: Method.PING,
    vim_pb2.ProbePolicy.TCP: Method.TCP,
    vim_pb2.ProbePolicy.HTTP: Method.HTTP,
}
_STATUS_ON_WIRE = {
    Status.PENDING: vim_pb2.Vim.PENDING,
    Status.REACHABLE: vim_pb2.Vim.REACHABLE,
    Status.UNREACHABLE: vim_pb2.Vim.UNREACHABLE,
    Status.UNKNOWN: vim_pb2.Vim.UNKNOWN,
}
_STATUS = {on_wire: status for status, on_wire in _STATUS_ON_WIRE.items()}


def action_from_wire(action: action_pb2.Action) -> Action:
    return Action(
        vim_id=action.vim_id,
        action_id=action.action_id,
        auth_url=action.auth_url,
        policy=_policy_from_wire(action.probe_policy),
        observation=action.observation,
    )


def _policy_from_wire(policy: vim_pb2.ProbePolicy) -> ProbePolicy:
    read = ProbePolicy(
        # A method that a later version knows is probed as if none were named, instead of not at all.
        method=_METHODS.get(policy.method, DEFAULT_POLICY.method),
        interval_s=seconds(policy.interval) or DEFAULT_POLICY.interval_s,
        timeout_s=seconds(policy.timeout) or DEFAULT_POLICY.timeout_s,
        fall=policy.fall or DEFAULT_POLICY.fall,
        rise=policy.rise or DEFAULT_POLICY.rise,
        tls_verify=policy.tls_verify,
    )
    # Most VIMs have the default policy: they share one object.
    return DEFAULT_POLICY if read == DEFAULT_POLICY else read


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


def seconds(value: Duration) -> float:
    return value.seconds + value.nanos / 1e9


def duration(value_s: float) -> Duration:
    whole = int(value_s)
    return Duration(seconds=whole, nanos=int((value_s - whole) * 1e9))
