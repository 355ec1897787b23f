"""Makes ping actions with short times."""

from __future__ import annotations

import uuid

from vimesh.domain.actions import Action
from vimesh.domain.probing import Depth, Method, ProbePolicy


def quick_policy(  # noqa: PLR0917 - mirrors the policy
    method: Method = Method.HTTP,
    interval_s: float = 0.5,
    timeout_s: float = 0.2,
    fall: int = 3,
    rise: int = 1,
    tls_verify: bool = False,
    fail_for_s: float = 0.0,
    depth: Depth = Depth.OF_METHOD,
) -> ProbePolicy:
    return ProbePolicy(method, interval_s, timeout_s, fall, rise, tls_verify, fail_for_s, depth=depth)


def action(
    auth_url: str,
    policy: ProbePolicy | None = None,
    *,
    vim_id: str = "vim",
    action_id: str = "action",
    vim_type: str = "openstack",
) -> Action:
    return Action(vim_id, action_id, auth_url, policy or quick_policy(), observation=0, vim_type=vim_type)


def id_of(name: str) -> str:
    """Return an id that is always the same for the same name."""
    return str(uuid.uuid5(uuid.NAMESPACE_DNS, name))
