"""Converts what a conductor answers to messages: events, actions, tasks and results. VIMs: see `vim_messages`."""

from __future__ import annotations

from collections.abc import Sequence

from google.protobuf.field_mask_pb2 import FieldMask

from vimesh.domain import vims
from vimesh.domain.actions import Action, workflow_name
from vimesh.domain.bulk.apply_plan import AppliedVim, FieldChange
from vimesh.domain.errors import VimeshError
from vimesh.domain.events import EventKind, VimEvent
from vimesh.domain.todos import ClaimedTodo
from vimesh.v1 import action_pb2, vim_pb2, vim_service_pb2, workflow_service_pb2
from vimesh.wire.conditions.condition_messages import certificate_message, condition_message
from vimesh.wire.error_statuses import rich_status
from vimesh.wire.vim_messages import (
    STATUS_VALUES,
    maintenance_message,
    policy_message,
    view_message,
    vim_message,
)
from vimesh.wire.wire_durations import timestamp


def result_message(outcome: vims.Registered | VimeshError) -> vim_service_pb2.RegisterVimResult:
    if isinstance(outcome, VimeshError):
        _, status = rich_status(outcome)
        return vim_service_pb2.RegisterVimResult(refused=status)
    registered = vim_service_pb2.RegisteredVim(vim_id=outcome.vim_id, repeated=outcome.repeated)
    return vim_service_pb2.RegisterVimResult(registered=registered)


def apply_result(outcome: AppliedVim | VimeshError, changes: Sequence[FieldChange]) -> vim_service_pb2.ApplyVimResult:
    """Return the result of applying a VIM, with the changes that there is room for."""
    if isinstance(outcome, VimeshError):
        return vim_service_pb2.ApplyVimResult(refused=rich_status(outcome)[1])
    kind = vim_service_pb2.ApplyVimResult.UNCHANGED
    if outcome.kind is not None:
        kind = vim_service_pb2.ApplyVimResult.Outcome.Value(outcome.kind.value)
    return vim_service_pb2.ApplyVimResult(
        outcome=kind,
        vim_id=outcome.vim_id,
        etag=outcome.etag,
        changes=[
            vim_service_pb2.FieldChange(field=change.field, before=change.before, after=change.after)
            for change in changes
        ],
    )


def event_message(event: VimEvent) -> vim_pb2.VimEvent:
    new = event.kind is EventKind.REGISTERED
    previous = vim_pb2.Vim.STATUS_UNSPECIFIED if new else STATUS_VALUES[event.previous_status]
    message = vim_pb2.VimEvent(
        revision=event.revision,
        kind=vim_pb2.VimEvent.Kind.Value(event.kind.value),
        vim_id=event.vim_id,
        time=timestamp(event.time),
        status=STATUS_VALUES[event.status],
        previous_status=previous,
        reason=event.reason,
        detail=event.detail,
        action_id=event.action_id,
        stopped_action_id=event.stopped_action_id,
        vim=vim_message(event.vim) if event.vim else None,
        changed_fields=FieldMask(paths=event.changed_fields) if event.changed_fields else None,
        actor=event.actor,
        maintenance=maintenance_message(event.maintenance) if event.maintenance else None,
        view=view_message(event.view) if event.view else None,
        conditions=map(condition_message, event.conditions),
        certificate=certificate_message(event.certificate) if event.certificate else None,
        filtered_out=event.filtered_out or None,
    )
    for field in event.omitted_fields:
        # An omitted field must be absent, not empty.
        message.vim.ClearField(field)  # type: ignore[arg-type]  # a field by name
    return message


def action_message(action: Action) -> action_pb2.Action:
    return action_pb2.Action(
        vim_id=action.vim_id,
        action_id=action.action_id,
        auth_url=action.auth_url,
        probe_policy=policy_message(action.policy),
        observation=action.observation,
        vim_type=action.vim_type,
    )


def task_message(todo: ClaimedTodo) -> workflow_service_pb2.WorkflowTask:
    stopped = action_pb2.Action(vim_id=todo.vim_id, action_id=todo.action_id)
    return workflow_service_pb2.WorkflowTask(
        task_id=todo.id,
        claim_token=todo.claim_token,
        kind=workflow_service_pb2.WorkflowTask.Kind.Value(todo.kind.value),
        action=action_message(todo.action) if todo.action else stopped,
        workflow_name=workflow_name(todo.vim_id),
        attempt=todo.attempt,
        vim_gone=todo.vim_gone,
        traceparent=todo.traceparent,
    )
