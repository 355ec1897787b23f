"""Makes the document of a notification that programs and templates read. Its names are those of the contract."""

from __future__ import annotations

from vimesh.domain.notifications.notifications import Change, Notification
from vimesh.notifier.senders.texts.notification_texts import (
    affected,
    cause_of,
    format_time,
    headline,
    line,
    next_steps,
)

Document = dict[str, object]


def notification_document(notification: Notification) -> Document:
    """Return a notification as JSON can say it: values, and texts for people. All of its changes are in it."""
    return {
        "id": notification.id,
        "receiver_id": notification.receiver_id,
        "receiver_name": notification.receiver_name,
        "kind": notification.kind.value,
        "headline": headline(notification),
        "affected": affected(notification),
        "next_steps": next_steps(notification),
        "group": dict(notification.group),
        "vim_count": notification.vim_count,
        "problem_count": notification.problem_count,
        "resolved_count": notification.resolved_count,
        "changes": [_change_document(change) for change in notification.changes],
    }


def _change_document(change: Change) -> Document:
    return {
        "revision": change.revision,
        "kind": change.kind.value,
        "vim_id": change.vim_id,
        "vim_name": change.vim_name,
        "vim_type": change.vim_type,
        "project_id": change.project_id,
        "auth_url": change.auth_url,
        "labels": dict(change.labels),
        "status": change.status.value,
        "previous_status": change.previous_status.value if change.previous_status else None,
        "reason": change.reason,
        "detail": change.detail,
        "cause": cause_of(change) if change.is_problem else "",
        "time": format_time(change.time),
        "since": format_time(change.since) if change.since else None,
        "text": line(change),
    }
