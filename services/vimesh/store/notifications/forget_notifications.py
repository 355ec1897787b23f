"""Removes notifications that were on record for long enough."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, Select, bindparam, delete, select

from vimesh.domain.notifications.notifications import NotificationState
from vimesh.store.change_log.transaction import Changes
from vimesh.store.schema.notification_tables import notifications
from vimesh.store.schema.timestamps import micros
from vimesh.store.sql.sql_functions import NowMicros, among

DELIVERED_KEPT_S: Final = 3600.0
DEAD_KEPT_S: Final = 30 * 86400.0


def _old(state: NotificationState, kept_s: float) -> Select[tuple[str]]:
    return (
        select(notifications.c.id)
        .where(notifications.c.state == state, notifications.c.update_time < NowMicros() - micros(kept_s))
        .limit(bindparam("count"))
    )


_OLD: Final = (_old(NotificationState.DELIVERED, DELIVERED_KEPT_S), _old(NotificationState.DEAD, DEAD_KEPT_S))
_FORGET = delete(notifications).where(among(notifications.c.id, "ids"))


def has_old(connection: Connection) -> bool:
    return any(connection.execute(statement, {"count": 1}).first() for statement in _OLD)


def forget(connection: Connection, limit: int) -> int:
    """Remove up to `limit` of each state; return how many."""
    Changes.begin(connection)
    old = [found for statement in _OLD for found in connection.execute(statement, {"count": limit}).scalars()]
    if old:
        connection.execute(_FORGET, {"ids": old})
    return len(old)
