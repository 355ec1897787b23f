"""Reads actions from their messages, for the processes that run them or have an engine run them."""

from __future__ import annotations

from vimesh.domain.actions import Action
from vimesh.domain.probing import Method, ProbePolicy
from vimesh.v1 import action_pb2, vim_pb2
from vimesh.wire.wire_durations import seconds

DEFAULT_POLICY = ProbePolicy()

_METHODS = {vim_pb2.ProbePolicy.Method.Value(method.name): method for method in Method}


def action_from_wire(action: action_pb2.Action) -> Action:
    return Action(
        vim_id=action.vim_id,
        action_id=action.action_id,
        auth_url=action.auth_url,
        policy=_policy_from_wire(action.probe_policy),
        observation=action.observation,
    )


def _policy_from_wire(policy: vim_pb2.ProbePolicy) -> ProbePolicy:
    parsed_policy = ProbePolicy(
        # A method from a later version falls back to the default one, so that the VIM is still probed.
        method=_METHODS.get(policy.method, DEFAULT_POLICY.method),
        interval_s=seconds(policy.interval) or DEFAULT_POLICY.interval_s,
        timeout_s=seconds(policy.timeout) or DEFAULT_POLICY.timeout_s,
        fall=policy.fall or DEFAULT_POLICY.fall,
        rise=policy.rise or DEFAULT_POLICY.rise,
        tls_verify=policy.tls_verify,
        fail_for_s=seconds(policy.fail_for),
    )
    # Most VIMs have the default policy: they share one object.
    return DEFAULT_POLICY if parsed_policy == DEFAULT_POLICY else parsed_policy
