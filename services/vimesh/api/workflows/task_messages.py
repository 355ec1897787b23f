"""Converts task messages to the engine's requests."""

from __future__ import annotations

from vimesh.engine.workflow_engine import Stop
from vimesh.v1 import workflow_service_pb2 as pb


def stop_from_wire(task: pb.WorkflowTask) -> Stop:
    return Stop(task.action.vim_id, task.action.action_id, task.vim_gone, max(1, task.attempt))
