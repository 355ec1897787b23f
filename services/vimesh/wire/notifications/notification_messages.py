"""Converts notifications to messages, and back."""

from __future__ import annotations

from typing import Final

from vimesh.domain.notifications.notifications import (
    Change,
    ChangeKind,
    Notification,
    NotificationKind,
    NotificationState,
    StoredNotification,
)
from vimesh.v1 import receiver_service_pb2 as pb
from vimesh.wire.notifications.absent_values import moment_of, set_time, status_value
from vimesh.wire.vim_messages import STATUS_VALUES, STATUSES
from vimesh.wire.wire_durations import timestamp

_STATE_VALUES: Final = {state: pb.Notification.State.Value(state) for state in NotificationState}
STATES: Final = {value: state for state, value in _STATE_VALUES.items()}
_KIND_VALUES: Final = {kind: pb.Notification.Kind.Value(kind) for kind in NotificationKind}
_KINDS: Final = {value: kind for kind, value in _KIND_VALUES.items()}
_CHANGE_VALUES: Final = {kind: pb.NotificationChange.Kind.Value(kind) for kind in ChangeKind}
_CHANGE_KINDS: Final = {value: kind for kind, value in _CHANGE_VALUES.items()}


def stored_notification_message(stored: StoredNotification, max_changes: int | None = None) -> pb.Notification:
    """Return a notification on record, with its first `max_changes` changes, or all."""
    message = notification_message(stored.notification, max_changes)
    message.state = _STATE_VALUES[stored.state]
    message.create_time.CopyFrom(timestamp(stored.create_time))
    message.first_revision, message.last_revision = stored.first_revision, stored.last_revision
    message.attempts, message.error = stored.attempts, stored.error
    return message


def notification_message(notification: Notification, max_changes: int | None = None) -> pb.Notification:
    return pb.Notification(
        id=notification.id,
        receiver_id=notification.receiver_id,
        kind=_KIND_VALUES[notification.kind],
        first_revision=notification.first_revision,
        last_revision=notification.last_revision,
        group_key=notification.group_key,
        group=notification.group,
        vim_count=notification.vim_count,
        problem_count=notification.problem_count,
        resolved_count=notification.resolved_count,
        changes=map(_change_message, notification.changes[:max_changes]),
    )


def notification_from_message(message: pb.Notification, receiver_name: str = "") -> Notification:
    """Read a notification, with all the changes that the message has. Raises KeyError for kinds of a later version."""
    return Notification(
        id=message.id.lower(),
        receiver_id=message.receiver_id.lower(),
        receiver_name=receiver_name,
        kind=_KINDS[message.kind],
        group_key=message.group_key,
        group=dict(message.group),
        changes=tuple(map(_change, message.changes)),
        vim_count=message.vim_count,
        problem_count=message.problem_count,
        resolved_count=message.resolved_count,
    )


def _change_message(change: Change) -> pb.NotificationChange:
    message = pb.NotificationChange(
        revision=change.revision,
        kind=_CHANGE_VALUES[change.kind],
        vim_id=change.vim_id,
        vim_name=change.vim_name,
        vim_type=change.vim_type,
        project_id=change.project_id,
        auth_url=change.auth_url,
        labels=change.labels,
        status=STATUS_VALUES[change.status],
        previous_status=status_value(change.previous_status),
        reason=change.reason,
        detail=change.detail,
        time=timestamp(change.time),
    )
    set_time(message.since, change.since)
    return message


def _change(message: pb.NotificationChange) -> Change:
    return Change(
        revision=message.revision,
        kind=_CHANGE_KINDS[message.kind],
        vim_id=message.vim_id,
        vim_name=message.vim_name,
        vim_type=message.vim_type,
        project_id=message.project_id,
        auth_url=message.auth_url,
        labels=dict(message.labels),
        status=STATUSES[message.status],
        previous_status=STATUSES.get(message.previous_status),
        reason=message.reason,
        detail=message.detail,
        time=moment_of(message.time),
        since=moment_of(message.since) if message.HasField("since") else None,
    )
