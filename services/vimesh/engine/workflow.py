"""The Mistral workflow of one VIM, as data: its names, its definition and the input of an execution.

The driver writes it and the action in the executor reads it, so both import it from here. Nothing in it is secret:
Mistral keeps inputs in its database and shows them to everyone who may list executions.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import MISSING, asdict, dataclass, fields

import yaml

from vimesh.domain.actions import WORKFLOW_PREFIX, Action, workflow_name
from vimesh.domain.endpoints import endpoint_of

ACTION = "vimesh.vim_ping_action"
LEGACY_ACTION = "tacker.vim_ping_action"
TASK = "monitor_ping_vimPingVIMTASK"
INPUT = "ping_vim"


def vim_id_of(name: str) -> str | None:
    """Return the id of the VIM whose workflow has this name; None if the name is not one of ours."""
    return name.removeprefix(WORKFLOW_PREFIX) if name.startswith(WORKFLOW_PREFIX) else None


@dataclass(frozen=True, slots=True)
class PingInput:
    """The inputs of the action: JSON values only. The first four are those of the old action."""

    count: str
    """Echo requests per round, only for people who read the execution: probing follows the policy."""
    timeout: str
    """Seconds."""
    interval: str
    """Seconds."""
    targetip: str
    """Host of the auth_url."""
    vim_id: str
    action_id: str
    auth_url: str
    method: str
    probe_interval_s: float
    probe_timeout_s: float
    fall: int
    rise: int
    tls_verify: bool
    observation: int
    fail_for_s: float = 0.0

    @classmethod
    def of(cls, action: Action) -> PingInput:
        policy = action.policy
        return cls(
            count=str(policy.fall),
            timeout=str(math.ceil(policy.timeout_s)),
            interval=str(math.ceil(policy.interval_s)),
            targetip=endpoint_of(action.auth_url).host,
            vim_id=action.vim_id,
            action_id=action.action_id,
            auth_url=action.auth_url,
            method=policy.method.value,
            probe_interval_s=policy.interval_s,
            probe_timeout_s=policy.timeout_s,
            fall=policy.fall,
            rise=policy.rise,
            tls_verify=policy.tls_verify,
            observation=action.observation,
            fail_for_s=policy.fail_for_s,
        )

    def inputs(self) -> dict[str, object]:
        """Return the inputs by name, without a `fail_for_s` of 0."""
        # Mistral refuses inputs that the action does not have, and its plugin may be an earlier version.
        inputs_by_name = asdict(self)
        return inputs_by_name if self.fail_for_s else {name: inputs_by_name[name] for name in REQUIRED}

    def execution_input(self) -> dict[str, object]:
        return {INPUT: self.inputs()}


REQUIRED = tuple(field.name for field in fields(PingInput) if field.default is MISSING)
"""The inputs that every action is given."""


def definition(vim_id: str, names: Iterable[str] = REQUIRED) -> str:
    """Return the workflow as YAML, with inputs of these names; each execution provides their values."""
    inputs = {name: f"<% $.{INPUT}.{name} %>" for name in names}
    return yaml.safe_dump(
        {
            "version": "2.0",
            workflow_name(vim_id): {
                "type": "direct",
                "input": [INPUT],
                "tasks": {TASK: {"action": ACTION, "input": inputs}},
            },
        },
        sort_keys=False,
    )


def defines_ping(text: str) -> bool:
    """Return whether the definition is one of ours, of any version. Others may use the same names."""
    return ACTION in text and f"$.{INPUT}.action_id" in text
