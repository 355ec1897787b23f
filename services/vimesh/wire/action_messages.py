"""Reads actions from their messages, for the processes that run them or have an engine run them."""

from __future__ import annotations

from vimesh.domain.actions import Action
from vimesh.v1 import action_pb2
from vimesh.wire.vim_messages import policy_from_message


def action_from_wire(action: action_pb2.Action) -> Action:
    return Action(
        vim_id=action.vim_id,
        action_id=action.action_id,
        auth_url=action.auth_url,
        policy=policy_from_message(action.probe_policy),
        observation=action.observation,
        vim_type=action.vim_type,
    )
