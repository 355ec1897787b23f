"""Checks the inputs that a workflow gives to an action: people write workflows too."""

from __future__ import annotations

from collections.abc import Mapping

from vimesh.domain.actions import Action
from vimesh.domain.endpoints import MAX_URL_LENGTH, AuthUrlInvalid, endpoint_of
from vimesh.domain.ids import is_id
from vimesh.domain.probing import Method, ProbePolicy
from vimesh.monitor.executor.input_values import (
    BadOrder,
    describe_value,
    read_flag,
    read_number,
    read_text,
    read_whole_number,
)

__all__ = ["BadOrder", "action_of"]

MAX_INPUTS = 100
"""There are fifteen. An engine with another version of the plugin may add some that are unknown here."""
_MAX_ACTION_ID = 255
_MAX_PROBLEM = 300
_MAX_OBSERVATION = 2**63 - 2**22
"""Limit of the contract: leaves numbers to count on from there."""


def action_of(inputs: object) -> Action:
    """Return the action that the inputs of a workflow describe, within the limits of the contract. Raises BadOrder."""
    if not isinstance(inputs, Mapping) or len(inputs) > MAX_INPUTS:
        raise BadOrder(f"the inputs: must be an object of at most {MAX_INPUTS}")
    if any(inputs.get(name) in (None, "") for name in ("vim_id", "action_id")):
        raise BadOrder("no action_id: the workflow was not made by this version of vimesh; register the VIM again")
    return Action(
        vim_id=_vim_id(inputs),
        action_id=read_text(inputs, "action_id", longest=_MAX_ACTION_ID),
        auth_url=_auth_url(inputs),
        policy=_policy(inputs),
        observation=read_whole_number(inputs, "observation", lowest=0, highest=_MAX_OBSERVATION),
    )


def _vim_id(inputs: Mapping[str, object]) -> str:
    value = inputs["vim_id"]
    if isinstance(value, str) and is_id(value):
        return value
    raise BadOrder(f"vim_id: must be a UUID, not {describe_value(value)}")


def _auth_url(inputs: Mapping[str, object]) -> str:
    value = read_text(inputs, "auth_url", longest=MAX_URL_LENGTH)
    try:
        endpoint_of(value)
    except AuthUrlInvalid as error:
        raise BadOrder(f"auth_url: {str(error)[:_MAX_PROBLEM]}") from error
    return value


def _policy(inputs: Mapping[str, object]) -> ProbePolicy:
    policy = ProbePolicy(
        method=_method(inputs),
        interval_s=read_number(inputs, "probe_interval_s", lowest=0.5, highest=3600),
        timeout_s=read_number(inputs, "probe_timeout_s", lowest=0.05, highest=60),
        fall=read_whole_number(inputs, "fall", lowest=1, highest=10),
        rise=read_whole_number(inputs, "rise", lowest=1, highest=10),
        tls_verify=read_flag(inputs, "tls_verify"),
        fail_for_s=read_number({"fail_for_s": 0, **inputs}, "fail_for_s", lowest=0, highest=3600),
    )
    if policy.timeout_s >= policy.interval_s:
        times = f"{policy.timeout_s:g} s is not below {policy.interval_s:g} s"
        raise BadOrder(f"probe_timeout_s: must be shorter than probe_interval_s: {times}")
    return policy


def _method(inputs: Mapping[str, object]) -> Method:
    value = inputs.get("method")
    for method in Method:
        if value == method:
            return method
    raise BadOrder(f"method: must be one of {', '.join(Method)}, not {describe_value(value)}")
