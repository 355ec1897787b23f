"""Converts rows to receivers of the domain, and back."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import ColumnElement

from vimesh.domain.notifications.receivers import Receiver, ReceiverSettings
from vimesh.domain.notifications.target_secrets import mask_target
from vimesh.domain.notifications.targets import Target, kind_of, target_of, values_of
from vimesh.domain.vims import Status
from vimesh.store.rows.credential_encryption import Cipher
from vimesh.store.rows.visible_rows import Row
from vimesh.store.schema.notification_tables import receivers
from vimesh.store.schema.timestamps import moment

_PLAIN: Final = (
    *("reason_changes", "lifecycle_changes", "resolved", "notify_in_maintenance", "notify_flapping"),
    *("group_wait_s", "group_interval_s", "repeat_interval_s", "give_up_after_s"),
)
"""Settings that JSON holds as they are."""
_MOST_BYTES: Final = 4
"""Of a character in UTF-8."""
_OTHER_BYTES: Final = 512
"""Of ids, times and numbers."""
SHOWN: Final[list[ColumnElement[Any]]] = [column for column in receivers.c if column.name != "secrets"]


def columns_of(settings: ReceiverSettings) -> dict[str, Any]:
    """Return the columns of all settings, without the secrets of the target."""
    return {
        "project_id": settings.project_id,
        "name": settings.name,
        "disabled": settings.disabled,
        "settings": {
            "filter": settings.filter_text,
            "statuses": list(settings.statuses),
            "group_by": list(settings.group_by),
            "target": _document_of(mask_target(settings.target)),
            **{name: getattr(settings, name) for name in _PLAIN},
        },
    }


def settings_of(row: Row, target: Target | None = None) -> ReceiverSettings:
    """Return the settings, with the target as clients see it unless another one is given."""
    document: Mapping[str, Any] = row["settings"]
    return ReceiverSettings(
        project_id=row["project_id"],
        name=row["name"],
        target=target or _target_of(document["target"]),
        filter_text=document["filter"],
        statuses=tuple(map(Status, document["statuses"])),
        group_by=tuple(document["group_by"]),
        disabled=row["disabled"],
        **{name: document[name] for name in _PLAIN},
    )


def seal_target(target: Target, cipher: Cipher) -> bytes:
    return cipher.encrypt(_document_of(target))


def unseal_target(row: Row, cipher: Cipher) -> Target:
    """Return the target with its secrets. Raises Undecipherable."""
    document: Any = cipher.decrypt(row["secrets"])
    return _target_of(document)


def receiver_of(row: Row, now: int, *, dead_count: int = 0, target: Target | None = None) -> Receiver:
    """Return the receiver as it is at a time, with the target as clients see it unless another one is given."""
    return Receiver(
        id=row["id"],
        settings=settings_of(row, target),
        creator=row["creator"],
        create_time=moment(row["create_time"]),
        update_time=moment(row["update_time"]),
        revision=row["revision"],
        last_delivery_time=moment_or_none(row["last_delivery_time"]),
        last_error=row["last_error"],
        last_error_time=moment_or_none(row["last_error_time"]),
        dead_count=dead_count,
        disabled_reason=row["disabled_reason"],
        notifier_id=row["holder"] if row["claim_until"] > now else "",
        pending_since=moment_or_none(row["pending_since"]),
        dropped_count=row["dropped"],
    )


def size_of(row: Row) -> int:
    """Return how many bytes the message of a receiver has at most, without secrets."""
    texts = (row[name] for name in ("name", "project_id", "creator", "last_error", "disabled_reason", "holder"))
    return len(json.dumps(row["settings"])) + _MOST_BYTES * sum(map(len, texts)) + _OTHER_BYTES


def moment_or_none(micros: int | None) -> dt.datetime | None:
    return None if micros is None else moment(micros)


def _document_of(target: Target) -> dict[str, Any]:
    return {"kind": kind_of(target), **values_of(target)}


def _target_of(document: Mapping[str, Any]) -> Target:
    values = dict(document)
    return target_of(values.pop("kind"), values)
