"""Divides the receivers evenly among the notifiers that ask for them."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from vimesh.domain.notifications.delivery_store import ClaimRequest
from vimesh.domain.notifications.receivers import CLAIM_S
from vimesh.store.schema.notification_tables import notifiers
from vimesh.store.schema.timestamps import micros

_ACTIVE_S: Final = CLAIM_S
"""A notifier that has not asked for so long has no receivers any more, and leaves its share to the others."""
_ALL = select(notifiers)
_INSERT = insert(notifiers)
_RENEW = update(notifiers).where(notifiers.c.id == bindparam("of_notifier")).values(active_until=bindparam("until"))
_REMOVE = delete(notifiers).where(notifiers.c.id == bindparam("of_notifier"))
_REMOVE_OLD = delete(notifiers).where(notifiers.c.active_until <= bindparam("now"))


def share_of(connection: Connection, request: ClaimRequest, receiver_count: int, now: int) -> int:
    """Take in that a notifier asks at a time; return how many receivers it should have at most."""
    active_until: dict[str, int] = {row.id: row.active_until for row in connection.execute(_ALL)}
    is_known = active_until.pop(request.notifier_id, None) is not None
    others = sum(until > now for until in active_until.values())
    if others < len(active_until):
        connection.execute(_REMOVE_OLD, {"now": now})
    until = now + micros(_ACTIVE_S)
    if request.renew_only:  # it is about to stop
        connection.execute(_REMOVE, {"of_notifier": request.notifier_id})
        return receiver_count
    if is_known:
        connection.execute(_RENEW, {"of_notifier": request.notifier_id, "until": until})
    else:
        connection.execute(_INSERT, {"id": request.notifier_id, "active_until": until})
    return -(-receiver_count // (others + 1))
