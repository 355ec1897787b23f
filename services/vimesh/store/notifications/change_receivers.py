"""Creates, changes and removes receivers."""

from __future__ import annotations

import uuid
from typing import Any, Final

from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from vimesh.domain.access.caller import Caller
from vimesh.domain.errors import RequestIdReused
from vimesh.domain.notifications.notifications import NotificationState
from vimesh.domain.notifications.receiver_errors import ReceiverNameTaken, TooManyReceivers
from vimesh.domain.notifications.receiver_store import ChangeSettings
from vimesh.domain.notifications.receivers import (
    MAX_RECEIVERS,
    MAX_RECEIVERS_OF_PROJECT,
    Receiver,
    ReceiverSettings,
)
from vimesh.store.change_log.transaction import Changes
from vimesh.store.notifications.read_receivers import count_notifications, row_of
from vimesh.store.notifications.receiver_rows import (
    columns_of,
    receiver_of,
    seal_target,
    settings_of,
    unseal_target,
)
from vimesh.store.rows.credential_encryption import Cipher, Undecipherable
from vimesh.store.rows.visible_rows import Row
from vimesh.store.schema.notification_tables import notices, notifications, receivers
from vimesh.store.sql.sql_functions import among

_REQUESTS: Final = uuid.UUID("3c0a5c4e-7f0e-4a53-9a0b-0f8a1f6f3d27")
"""The namespace of the ids of receivers that were created with a request id."""
_OF_ID = receivers.c.id == bindparam("of_receiver")
_ONE = select(receivers).where(_OF_ID)
_OTHER_OF_NAME = select(receivers.c.id).where(
    receivers.c.project_id == bindparam("project"),
    receivers.c.name == bindparam("of_name"),
    receivers.c.id != bindparam("of_receiver"),
)
_COUNT = select(func.count()).select_from(receivers)
_COUNT_OF_PROJECT = _COUNT.where(receivers.c.project_id == bindparam("project"))
_UPDATE = update(receivers).where(_OF_ID)
_RETIRE = _UPDATE.values(disabled=True, holder="", claim=receivers.c.claim + 1, claim_until=0)
_NOTICES = select(notices.c.vim_id).where(notices.c.receiver_id == bindparam("of_receiver")).limit(bindparam("count"))
_DELETE_NOTICES = delete(notices).where(
    notices.c.receiver_id == bindparam("of_receiver"), among(notices.c.vim_id, "ids")
)
_DELETE_ALL_NOTICES = delete(notices).where(notices.c.receiver_id == bindparam("of_receiver"))
_DELETE_NOTIFICATIONS = delete(notifications).where(notifications.c.receiver_id == bindparam("of_receiver"))
_DELETE = delete(receivers).where(_OF_ID)


def create(
    connection: Connection, settings: ReceiverSettings, request_id: str, cipher: Cipher, caller: Caller
) -> Receiver:
    """Store a receiver. Raises ReceiverNameTaken, RequestIdReused, TooManyReceivers."""
    changes = Changes.begin(connection)
    # The same request of somebody else is another one.
    of_request = f"{caller.identity}\0{request_id}"
    receiver_id = str(uuid.uuid5(_REQUESTS, of_request) if request_id else uuid.uuid4())
    earlier = connection.execute(_ONE, {"of_receiver": receiver_id}).mappings().one_or_none()
    if earlier is not None:
        return _repeated(earlier, settings, request_id, cipher, changes.now)
    _require_name(connection, receiver_id, settings)
    _require_room(connection, settings.project_id)
    row = {
        "id": receiver_id,
        **columns_of(settings),
        "secrets": seal_target(settings.target, cipher),
        "disabled_reason": "",
        "creator": caller.identity,
        "create_time": changes.now,
        "update_time": changes.now,
        "version": 1,
        "revision": changes.newest,
        "holder": "",
        "claim": 0,
        "claim_until": 0,
        "last_delivery_time": None,
        "last_error": "",
        "last_error_time": None,
        "pending_since": None,
        "dropped": 0,
        "unfinished_since": None,
        "unfinished_attempts": None,
        "unfinished_first": None,
        "unfinished_last": None,
    }
    connection.execute(insert(receivers), row)
    return receiver_of(row, changes.now)


def modify(
    connection: Connection, receiver_id: str, change: ChangeSettings, cipher: Cipher, caller: Caller
) -> Receiver:
    """Change a receiver. Raises ReceiverNotFound, ReceiverNameTaken, and what `change` raises."""
    changes = Changes.begin(connection)
    row = row_of(connection, receiver_id, caller)
    before = settings_of(row, _target_of(row, cipher))
    after = change(before)
    if after != before:
        _require_name(connection, receiver_id, after)
        values: dict[str, Any] = {**columns_of(after), "version": row["version"] + 1, "update_time": changes.now}
        if after.target != before.target:
            values["secrets"] = seal_target(after.target, cipher)
        if not after.disabled:
            values["disabled_reason"] = ""
        connection.execute(_UPDATE.values(values), {"of_receiver": receiver_id})
        row = row_of(connection, receiver_id, caller)
    dead_counts = count_notifications(connection, [receiver_id], NotificationState.DEAD)
    return receiver_of(row, changes.now, dead_count=dead_counts.get(receiver_id, 0))


def retire(connection: Connection, receiver_id: str, caller: Caller) -> str:
    """End the claim of a receiver that is to be removed, so that no notices follow; return its project.

    Raises ReceiverNotFound.
    """
    Changes.begin(connection)
    project_id: str = row_of(connection, receiver_id, caller)["project_id"]
    connection.execute(_RETIRE, {"of_receiver": receiver_id})
    return project_id


def remove_notices(connection: Connection, receiver_id: str, limit: int) -> int:
    """Remove up to `limit` notices; return how many. There may be one for every VIM."""
    Changes.begin(connection)
    ids = connection.execute(_NOTICES, {"of_receiver": receiver_id, "count": limit}).scalars().all()
    if ids:
        connection.execute(_DELETE_NOTICES, {"of_receiver": receiver_id, "ids": ids})
    return len(ids)


def remove(connection: Connection, receiver_id: str) -> None:
    """Remove a receiver that is retired, and all that it has: if it was enabled again, notices came since."""
    Changes.begin(connection)
    for statement in (_DELETE_ALL_NOTICES, _DELETE_NOTIFICATIONS, _DELETE):
        connection.execute(statement, {"of_receiver": receiver_id})


def _target_of(row: Row, cipher: Cipher) -> Any:  # noqa: ANN401 - a target, or None
    try:
        return unseal_target(row, cipher)
    except Undecipherable:
        # It can still be disabled, or get another target.
        return None


def _repeated(earlier: Row, settings: ReceiverSettings, request_id: str, cipher: Cipher, now: int) -> Receiver:
    """Return the receiver that an earlier request created, if it asked for the same. Raises RequestIdReused."""
    if settings_of(earlier, _target_of(earlier, cipher)) != settings:
        raise RequestIdReused(request_id)
    return receiver_of(earlier, now)


def _require_name(connection: Connection, receiver_id: str, settings: ReceiverSettings) -> None:
    key = {"project": settings.project_id, "of_name": settings.name, "of_receiver": receiver_id}
    if connection.execute(_OTHER_OF_NAME, key).first() is not None:
        raise ReceiverNameTaken(settings.name)


def _require_room(connection: Connection, project_id: str) -> None:
    if connection.execute(_COUNT_OF_PROJECT, {"project": project_id}).scalar_one() >= MAX_RECEIVERS_OF_PROJECT:
        raise TooManyReceivers(MAX_RECEIVERS_OF_PROJECT)
    if connection.execute(_COUNT).scalar_one() >= MAX_RECEIVERS:
        raise TooManyReceivers(MAX_RECEIVERS)
