"""Tasks and actions between protobuf and the domain."""

from __future__ import annotations

from google.protobuf.duration_pb2 import Duration

from vimesh.domain.actions import Action
from vimesh.domain.probing import Method, ProbePolicy
from vimesh.engine.port import Stop
from vimesh.v1 import action_pb2, vim_pb2
from vimesh.v1 import workflow_service_pb2 as pb

_DEFAULTS = ProbePolicy()
_METHODS = {
    vim_pb2.ProbePolicy.PING: Method.PING,
    vim_pb2.ProbePolicy.TCP: Method.TCP,
    vim_pb2.ProbePolicy.HTTP: Method.HTTP,
}


def action_from_wire(action: action_pb2.Action) -> Action:
    policy = action.probe_policy
    return Action(
        vim_id=action.vim_id,
        action_id=action.action_id,
        auth_url=action.auth_url,
        policy=ProbePolicy(
            # A method that a later version knows is probed as if none were named, instead of not at all.
            method=_METHODS.get(policy.method, _DEFAULTS.method),
            interval_s=_seconds(policy.interval) or _DEFAULTS.interval_s,
            timeout_s=_seconds(policy.timeout) or _DEFAULTS.timeout_s,
            fall=policy.fall or _DEFAULTS.fall,
            rise=policy.rise or _DEFAULTS.rise,
            tls_verify=policy.tls_verify,
        ),
        observation=action.observation,
    )


def stop_from_wire(task: pb.WorkflowTask) -> Stop:
    return Stop(task.action.vim_id, task.action.action_id, task.vim_gone, max(1, task.attempt))


def duration(value_s: float) -> Duration:
    made = Duration()
    made.FromMilliseconds(round(value_s * 1000))
    return made


def _seconds(value: Duration) -> float:
    return value.seconds + value.nanos / 1e9
