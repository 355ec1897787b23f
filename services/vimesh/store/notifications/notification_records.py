"""Queues, lists and removes the notifications on record."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from typing import Final

from sqlalchemy import ColumnElement, Connection, RowMapping, and_, bindparam, delete, or_, select, update

from vimesh.domain.access.caller import Caller
from vimesh.domain.notifications.delivery_store import Claim
from vimesh.domain.notifications.notifications import (
    Notification,
    NotificationKind,
    NotificationState,
    StoredNotification,
)
from vimesh.domain.notifications.receiver_errors import NotificationNotFound, ReceiverDisabled, ReceiverNotFound
from vimesh.domain.notifications.receiver_store import NotificationQuery
from vimesh.store.change_log.transaction import Changes
from vimesh.store.notifications.claim_receivers import require_claim
from vimesh.store.notifications.notification_rows import (
    INSERT,
    WITHOUT_CHANGES,
    new_row,
    notification_of,
    queued_notification_of,
)
from vimesh.store.notifications.read_receivers import row_of
from vimesh.store.schema.notification_tables import notifications, receivers
from vimesh.store.sql.page_tokens import position_of, token_of
from vimesh.store.sql.sql_functions import ByteLength, among

QUEUED_BYTES: Final = 256 * 1024
"""Most bytes of compressed changes that are read for one answer. The first notification may have more."""
UNPACKED_BYTES: Final = 3_000_000
"""Most bytes of changes in one answer with more than one notification: a message has at most 4 MiB."""
MAX_QUEUED: Final = 100
_OF_RECEIVER = notifications.c.receiver_id == bindparam("of_receiver")
_DEAD = notifications.c.state == NotificationState.DEAD
_QUEUED = notifications.c.state == NotificationState.QUEUED
_IS_TEST = notifications.c.kind == NotificationKind.TEST
_ORDER = (notifications.c.create_time, notifications.c.id)
_NEWEST_FIRST = (notifications.c.create_time.desc(), notifications.c.id.desc())
_ONE = select(notifications).where(notifications.c.id == bindparam("of_notification"))
_QUEUED_TEST = select(*WITHOUT_CHANGES).where(_OF_RECEIVER, _QUEUED, _IS_TEST).order_by(*_ORDER).limit(1)
_OLDEST_QUEUED = (
    select(notifications.c.id, ByteLength(notifications.c.changes))
    .where(_OF_RECEIVER, _QUEUED)
    .order_by(*_ORDER)
    .limit(MAX_QUEUED)
)
_OF_IDS = select(notifications).where(among(notifications.c.id, "ids")).order_by(*_ORDER)
_NAME = select(receivers.c.name).where(receivers.c.id == bindparam("of_receiver"))
_RESEND = update(notifications).where(_OF_RECEIVER, _DEAD)
_DELETE = delete(notifications).where(_OF_RECEIVER)


def queue_test(connection: Connection, receiver_id: str, caller: Caller) -> tuple[StoredNotification, str]:
    """Queue a test, unless one is queued; return it, and the project. Raises ReceiverNotFound, ReceiverDisabled."""
    changes = Changes.begin(connection)
    receiver = _enabled(connection, receiver_id, caller)
    name, project_id = receiver["name"], receiver["project_id"]
    row = connection.execute(_QUEUED_TEST, {"of_receiver": receiver_id}).mappings().one_or_none()
    if row is not None:
        return notification_of(row, name), project_id
    test = Notification(str(uuid.uuid4()), receiver_id, name, NotificationKind.TEST, "", {}, (), 0, 0, 0)
    new = new_row(test, NotificationState.QUEUED, now=changes.now)
    connection.execute(INSERT, new)
    return notification_of(new, name), project_id


def page(connection: Connection, query: NotificationQuery, caller: Caller) -> tuple[list[StoredNotification], str]:
    """Return notifications, the newest first, and the token of the next page.

    Raises ReceiverNotFound, PageTokenInvalid.
    """
    name = row_of(connection, query.receiver_id, caller)["name"]
    states = sorted(set(query.states) or set(NotificationState))
    key = ("notifications", query.receiver_id, states)
    conditions: list[ColumnElement[bool]] = [notifications.c.state.in_(states)]
    if query.page_token:
        create_time, notification_id = position_of(query.page_token, key, (int, str))
        created = notifications.c.create_time
        conditions.append(
            or_(created < create_time, and_(created == create_time, notifications.c.id < notification_id))
        )
    statement = select(*WITHOUT_CHANGES).where(_OF_RECEIVER, *conditions).order_by(*_NEWEST_FIRST)
    parameters = {"of_receiver": query.receiver_id}
    rows = connection.execute(statement.limit(query.page_size + 1), parameters).mappings().all()
    shown = rows[: query.page_size]
    token = token_of(key, (shown[-1]["create_time"], shown[-1]["id"])) if len(rows) > len(shown) else ""
    return [notification_of(row, name) for row in shown], token


def get(connection: Connection, notification_id: str, caller: Caller) -> StoredNotification:
    """Return a notification with its changes. Raises NotificationNotFound."""
    row = connection.execute(_ONE, {"of_notification": notification_id}).mappings().one_or_none()
    if row is None:
        raise NotificationNotFound(notification_id)
    try:
        receiver = row_of(connection, row["receiver_id"], caller)
    except ReceiverNotFound as error:
        raise NotificationNotFound(notification_id) from error
    return notification_of(row, receiver["name"])


def queued(connection: Connection, claim: Claim) -> list[StoredNotification]:
    """Return queued notifications, the oldest first: at least one, if there is any. Raises ClaimLost."""
    require_claim(connection, claim)
    key = {"of_receiver": claim.receiver_id}
    ids: list[str] = []
    size = 0
    for notification_id, length in connection.execute(_OLDEST_QUEUED, key):
        size += length
        if ids and size > QUEUED_BYTES:
            break
        ids.append(notification_id)
    if not ids:
        return []
    name = connection.execute(_NAME, key).scalar_one()
    return _first_ones(connection.execute(_OF_IDS, {"ids": ids}).mappings(), name)


def _first_ones(rows: Iterable[RowMapping], receiver_name: str) -> list[StoredNotification]:
    """Return as many as fit into an answer, and at least one."""
    fitting: list[StoredNotification] = []
    left = UNPACKED_BYTES
    for row in rows:
        notification, size = queued_notification_of(row, receiver_name)
        left -= size
        if left < 0 and fitting:
            break
        fitting.append(notification)
    return fitting


def resend(
    connection: Connection, receiver_id: str, notification_ids: Sequence[str], caller: Caller
) -> tuple[int, str]:
    """Queue dead notifications; return how many, and the project. Raises ReceiverNotFound, ReceiverDisabled."""
    now = Changes.begin(connection).now
    receiver = _enabled(connection, receiver_id, caller)
    statement = _RESEND.values(state=NotificationState.QUEUED, update_time=now)
    parameters: dict[str, object] = {"of_receiver": receiver_id}
    if notification_ids:
        statement = statement.where(among(notifications.c.id, "ids"))
        parameters["ids"] = list(notification_ids)
    return connection.execute(statement, parameters).rowcount, receiver["project_id"]


def remove(
    connection: Connection, receiver_id: str, notification_ids: Sequence[str], caller: Caller
) -> tuple[int, str]:
    """Remove notifications, or all dead ones; return how many, and the project. Raises ReceiverNotFound."""
    Changes.begin(connection)
    receiver = row_of(connection, receiver_id, caller)
    parameters: dict[str, object] = {"of_receiver": receiver_id}
    if notification_ids:
        statement = _DELETE.where(among(notifications.c.id, "ids"))
        parameters["ids"] = list(notification_ids)
    else:
        statement = _DELETE.where(_DEAD)
    return connection.execute(statement, parameters).rowcount, receiver["project_id"]


def _enabled(connection: Connection, receiver_id: str, caller: Caller) -> RowMapping:
    receiver = row_of(connection, receiver_id, caller)
    if receiver["disabled"]:
        raise ReceiverDisabled(receiver_id)
    return receiver
