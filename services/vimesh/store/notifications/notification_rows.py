"""Converts rows to notifications of the domain, and back. Changes are kept as compressed JSON."""

from __future__ import annotations

import json
import zlib
from typing import Any, Final

import structlog
from sqlalchemy import insert

from vimesh.domain.notifications.notifications import (
    Change,
    ChangeKind,
    Notification,
    NotificationKind,
    NotificationState,
    StoredNotification,
)
from vimesh.domain.vims import Status
from vimesh.store.notifications.receiver_rows import moment_or_none
from vimesh.store.rows.visible_rows import Row
from vimesh.store.schema.notification_tables import notifications
from vimesh.store.schema.timestamps import micros_of, moment

_log = structlog.get_logger()

MAX_UNPACKED_BYTES: Final = 16 * 1024 * 1024
"""Most bytes of the changes of a notification: as JSON, they are up to three times as large as in a call."""
INSERT: Final = insert(notifications)
WITHOUT_CHANGES: Final = [column for column in notifications.c if column.name != "changes"]


def new_row(
    notification: Notification, state: NotificationState, *, now: int, attempts: int = 0, error: str = ""
) -> dict[str, Any]:
    return {
        "id": notification.id,
        "receiver_id": notification.receiver_id,
        "state": state,
        "kind": notification.kind,
        "create_time": now,
        "update_time": now,
        "attempts": attempts,
        "error": error,
        "first_revision": notification.first_revision,
        "last_revision": notification.last_revision,
        "group_key": notification.group_key,
        "group_values": dict(notification.group),
        "vim_count": notification.vim_count,
        "problem_count": notification.problem_count,
        "resolved_count": notification.resolved_count,
        "changes": pack_changes(notification.changes),
    }


def notification_of(row: Row, receiver_name: str) -> StoredNotification:
    """Return a notification, without its changes if the row has none."""
    return _stored(row, receiver_name, unpack_changes(row["changes"]) if "changes" in row else ())


def queued_notification_of(row: Row, receiver_name: str) -> tuple[StoredNotification, int]:
    """Return a notification that is to be sent, and how many bytes its changes are.

    One that cannot be read has no changes: its notifier gives it up, and sends what comes after it.
    """
    try:
        text = _unpack(row["changes"])
        return _stored(row, receiver_name, _changes_of(text)), len(text)
    except (zlib.error, ValueError, TypeError, KeyError) as error:
        _log.error("a notification cannot be read", notification_id=row["id"], why=f"{type(error).__name__}: {error}")
        return _stored({**row, "kind": NotificationKind.CHANGES}, receiver_name, ()), 0


def _stored(row: Row, receiver_name: str, changes: tuple[Change, ...]) -> StoredNotification:
    return StoredNotification(
        notification=Notification(
            id=row["id"],
            receiver_id=row["receiver_id"],
            receiver_name=receiver_name,
            kind=NotificationKind(row["kind"]),
            group_key=row["group_key"],
            group=row["group_values"],
            changes=changes,
            vim_count=row["vim_count"],
            problem_count=row["problem_count"],
            resolved_count=row["resolved_count"],
        ),
        state=NotificationState(row["state"]),
        create_time=moment(row["create_time"]),
        first_revision=row["first_revision"],
        last_revision=row["last_revision"],
        attempts=row["attempts"],
        error=row["error"],
    )


def pack_changes(changes: tuple[Change, ...]) -> bytes:
    documents = [_document_of(change) for change in changes]
    return zlib.compress(json.dumps(documents, separators=(",", ":"), ensure_ascii=False).encode())


def unpack_changes(data: bytes) -> tuple[Change, ...]:
    return _changes_of(_unpack(data))


def _changes_of(text: bytes) -> tuple[Change, ...]:
    return tuple(map(_change_of, json.loads(text)))


def _unpack(data: bytes) -> bytes:
    unpacking = zlib.decompressobj()
    text = unpacking.decompress(data, MAX_UNPACKED_BYTES)
    if not unpacking.eof:
        raise ValueError(f"its changes are cut short, or more than {MAX_UNPACKED_BYTES} bytes")
    return text


def _document_of(change: Change) -> list[Any]:
    return [
        change.revision,
        change.kind,
        change.vim_id,
        change.vim_name,
        change.vim_type,
        change.project_id,
        change.auth_url,
        dict(change.labels),
        change.status,
        change.previous_status,
        change.reason,
        change.detail,
        micros_of(change.time),
        None if change.since is None else micros_of(change.since),
    ]


def _change_of(document: list[Any]) -> Change:
    revision, kind, *texts, labels, status, previous_status, reason, detail, time, since = document
    vim_id, vim_name, vim_type, project_id, auth_url = texts
    return Change(
        revision=revision,
        kind=ChangeKind(kind),
        vim_id=vim_id,
        vim_name=vim_name,
        vim_type=vim_type,
        project_id=project_id,
        auth_url=auth_url,
        labels=labels,
        status=Status(status),
        previous_status=None if previous_status is None else Status(previous_status),
        reason=reason,
        detail=detail,
        time=moment(time),
        since=moment_or_none(since),
    )
