"""Converts domain values to messages."""

from __future__ import annotations

import datetime as dt
from functools import lru_cache

from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.timestamp_pb2 import Timestamp

from vimesh.domain import vims
from vimesh.domain.actions import Action
from vimesh.domain.errors import VimeshError
from vimesh.domain.events import EventKind, VimEvent
from vimesh.domain.probing import ProbePolicy
from vimesh.domain.todos import ClaimedTodo
from vimesh.v1 import action_pb2, vim_pb2, vim_service_pb2, workflow_service_pb2
from vimesh.wire.error_statuses import rich_status
from vimesh.wire.free_form import fill
from vimesh.wire.wire_durations import duration

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def vim_message(vim: vims.Vim) -> vim_pb2.Vim:
    message = vim_pb2.Vim(
        id=vim.id,
        project_id=vim.project_id,
        name=vim.name,
        description=vim.description,
        type=vim.type,
        auth_url=vim.auth_url,
        is_default=vim.is_default,
        probe_policy=policy_message(vim.policy),
        status=status_value(vim.status),
        reason=vim.reason,
        detail=vim.detail,
        status_time=timestamp(vim.status_time),
        valid_until=timestamp(vim.valid_until) if vim.valid_until else None,
        monitor=_monitor_message(vim.id, vim.monitor),
        revision=vim.revision,
        etag=vim.etag,
        create_time=timestamp(vim.create_time),
        update_time=timestamp(vim.update_time),
    )
    if vim.round_trip_s is not None:
        message.round_trip.CopyFrom(duration(vim.round_trip_s))
    fill(message.vim_project, vim.vim_project)
    fill(message.auth_cred, vim.auth_cred)
    fill(message.placement_attr, vim.placement_attr)
    fill(message.extra, vim.extra)
    return message


def result_message(outcome: vims.Registered | VimeshError) -> vim_service_pb2.RegisterVimResult:
    if isinstance(outcome, VimeshError):
        _, status = rich_status(outcome)
        return vim_service_pb2.RegisterVimResult(refused=status)
    registered = vim_service_pb2.RegisteredVim(vim_id=outcome.vim_id, repeated=outcome.repeated)
    return vim_service_pb2.RegisterVimResult(registered=registered)


def _monitor_message(vim_id: str, monitor: vims.Monitor) -> vim_pb2.Monitor:
    return vim_pb2.Monitor(
        engine=vim_pb2.Monitor.Engine.Value(monitor.engine.value),
        action_id=monitor.action_id,
        workflow_name=_workflow_name(vim_id) if monitor.engine is vims.Engine.MISTRAL else "",
        state=vim_pb2.Monitor.State.Value(monitor.state.value),
        last_error=monitor.last_error,
        contact_time=timestamp(monitor.contact_time) if monitor.contact_time else None,
    )


@lru_cache(maxsize=1024)
def policy_message(value: ProbePolicy) -> vim_pb2.ProbePolicy:
    """Return a shared message, which must not be modified: most VIMs have the same policy as many others."""
    return vim_pb2.ProbePolicy(
        method=vim_pb2.ProbePolicy.Method.Value(value.method.value),
        interval=duration(value.interval_s),
        timeout=duration(value.timeout_s),
        fall=value.fall,
        rise=value.rise,
        tls_verify=value.tls_verify,
        fail_for=duration(value.fail_for_s),
    )


def event_message(event: VimEvent) -> vim_pb2.VimEvent:
    new = event.kind is EventKind.REGISTERED
    previous = vim_pb2.Vim.STATUS_UNSPECIFIED if new else status_value(event.previous_status)
    message = vim_pb2.VimEvent(
        revision=event.revision,
        kind=vim_pb2.VimEvent.Kind.Value(event.kind.value),
        vim_id=event.vim_id,
        time=timestamp(event.time),
        status=status_value(event.status),
        previous_status=previous,
        reason=event.reason,
        detail=event.detail,
        action_id=event.action_id,
        stopped_action_id=event.stopped_action_id,
        vim=vim_message(event.vim) if event.vim else None,
        changed_fields=FieldMask(paths=event.changed_fields) if event.changed_fields else None,
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
    )


def task_message(todo: ClaimedTodo) -> workflow_service_pb2.WorkflowTask:
    stopped = action_pb2.Action(vim_id=todo.vim_id, action_id=todo.action_id)
    return workflow_service_pb2.WorkflowTask(
        task_id=todo.id,
        claim_token=todo.claim_token,
        kind=workflow_service_pb2.WorkflowTask.Kind.Value(todo.kind.value),
        action=action_message(todo.action) if todo.action else stopped,
        workflow_name=_workflow_name(todo.vim_id),
        attempt=todo.attempt,
        vim_gone=todo.vim_gone,
    )


def _workflow_name(vim_id: str) -> str:
    return f"vim_id_{vim_id}"


def status_value(status: vims.Status) -> vim_pb2.Vim.Status.ValueType:
    return vim_pb2.Vim.Status.Value(status.value)


def timestamp(time: dt.datetime) -> Timestamp:
    # This takes a fifth of the time of FromDatetime, and a VIM has five timestamps.
    since = time - _EPOCH
    return Timestamp(seconds=since.days * 86400 + since.seconds, nanos=since.microseconds * 1000)
