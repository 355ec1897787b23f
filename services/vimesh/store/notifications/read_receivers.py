"""Reads receivers as people see them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

from sqlalchemy import ColumnElement, Connection, RowMapping, and_, bindparam, func, or_, select

from vimesh.domain.access.caller import Caller
from vimesh.domain.notifications.notifications import NotificationState
from vimesh.domain.notifications.receiver_errors import ReceiverNotFound
from vimesh.domain.notifications.receivers import Receiver
from vimesh.store.notifications.receiver_rows import SHOWN, receiver_of, size_of
from vimesh.store.schema.notification_tables import notifications, receivers
from vimesh.store.sql.page_tokens import position_of, token_of
from vimesh.store.sql.sql_functions import NowMicros, among

PAGE_BYTES: Final = 2 * 1024 * 1024
"""Most bytes of receivers in a page: a message has at most 4 MiB."""
_KEY = "receivers"
_RECEIVERS = select(*SHOWN, NowMicros().label("now"))
_ONE = select(receivers, NowMicros().label("now")).where(receivers.c.id == bindparam("of_receiver"))
_ORDER = (receivers.c.project_id, receivers.c.name)
_COUNTS = (
    select(notifications.c.receiver_id, func.count())
    .where(among(notifications.c.receiver_id, "ids"), notifications.c.state == bindparam("of_state"))
    .group_by(notifications.c.receiver_id)
)


def get(connection: Connection, receiver_id: str, caller: Caller) -> Receiver:
    """Return a receiver. Raises ReceiverNotFound."""
    row = row_of(connection, receiver_id, caller)
    dead_counts = count_notifications(connection, [receiver_id], NotificationState.DEAD)
    return receiver_of(row, row["now"], dead_count=dead_counts.get(receiver_id, 0))


def row_of(connection: Connection, receiver_id: str, caller: Caller) -> RowMapping:
    """Return the row of a receiver, with its secrets, and the time as `now`. Raises ReceiverNotFound."""
    row = connection.execute(_ONE, {"of_receiver": receiver_id}).mappings().one_or_none()
    if row is None or not caller.sees(row["project_id"]):
        raise ReceiverNotFound(receiver_id)
    return row


def page(connection: Connection, page_size: int, page_token: str, caller: Caller) -> tuple[list[Receiver], str]:
    """Return receivers by project and name, and the token of the next page. Raises PageTokenInvalid."""
    conditions: list[ColumnElement[bool]] = []
    if caller.projects is not None:
        conditions.append(receivers.c.project_id.in_(sorted(caller.projects)))
    if page_token:
        project_id, name = position_of(page_token, _KEY, (str, str))
        of_project = receivers.c.project_id
        conditions.append(or_(of_project > project_id, and_(of_project == project_id, receivers.c.name > name)))
    rows = connection.execute(_RECEIVERS.where(*conditions).order_by(*_ORDER).limit(page_size + 1)).mappings().all()
    shown = _fitting(rows[:page_size])
    counts = count_notifications(connection, [row["id"] for row in shown], NotificationState.DEAD)
    token = token_of(_KEY, (shown[-1]["project_id"], shown[-1]["name"])) if len(rows) > len(shown) else ""
    return [receiver_of(row, row["now"], dead_count=counts.get(row["id"], 0)) for row in shown], token


def _fitting(rows: Sequence[RowMapping]) -> Sequence[RowMapping]:
    """Return as many of the rows as fit into a message: at least one, if there is any."""
    size = 0
    for count, row in enumerate(rows):
        size += size_of(row)
        if count and size > PAGE_BYTES:
            return rows[:count]
    return rows


def count_notifications(
    connection: Connection, receiver_ids: Collection[str], state: NotificationState
) -> dict[str, int]:
    """Return how many notifications in a state each of these receivers has, if it has any."""
    if not receiver_ids:
        return {}
    rows = connection.execute(_COUNTS, {"ids": list(receiver_ids), "of_state": state})
    return {receiver_id: count for receiver_id, count in rows}  # noqa: C416 - rows are no pairs to mypy
