"""Records how far a receiver was told, if its notifier still has the claim: the fence of G19."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection, bindparam, delete, select, update

from vimesh.domain.notifications.delivery_store import Claim, Delivery
from vimesh.domain.notifications.notifications import NotificationState, QueuedOutcome
from vimesh.store.change_log.transaction import Changes
from vimesh.store.notifications.claim_receivers import require_claim
from vimesh.store.notifications.notice_rows import remove_resolved, store_notices
from vimesh.store.notifications.notification_rows import INSERT
from vimesh.store.schema.notification_tables import notifications, receivers
from vimesh.store.schema.timestamps import micros_of, micros_of_age
from vimesh.store.sql.sql_functions import among

MAX_DEAD: Final = 1000
"""Most dead notifications of a receiver on record: the oldest go."""
_OF_ID = receivers.c.id == bindparam("of_receiver")
_REVISION = select(receivers.c.revision).where(_OF_ID)
_UPDATE = update(receivers).where(_OF_ID)
_ONE = select(notifications.c.id).where(notifications.c.id == bindparam("of_notification"))
_END = (
    update(notifications)
    .where(
        notifications.c.id == bindparam("of_notification"),
        notifications.c.receiver_id == bindparam("of_receiver"),
        notifications.c.state == NotificationState.QUEUED,
    )
    .values(
        state=bindparam("new_state"),
        attempts=bindparam("new_attempts"),
        error=bindparam("new_error"),
        update_time=bindparam("now"),
    )
)
_SURPLUS = (
    select(notifications.c.id)
    .where(notifications.c.receiver_id == bindparam("of_receiver"), notifications.c.state == NotificationState.DEAD)
    .order_by(notifications.c.create_time.desc(), notifications.c.id.desc())
    .offset(MAX_DEAD)
    .limit(MAX_DEAD)
)
_DELETE = delete(notifications).where(among(notifications.c.id, "ids"))
_DROP = _UPDATE.values(dropped=receivers.c.dropped + bindparam("count"))


def record(connection: Connection, claim: Claim, delivery: Delivery, dead_row: Mapping[str, Any] | None) -> None:
    """Record a delivery; `dead_row` is the row of its dead notification, without its times. Raises ClaimLost."""
    changes = Changes.begin(connection)
    require_claim(connection, claim)
    receiver = {"of_receiver": claim.receiver_id}
    # A notifier cannot have seen what has not happened, and never goes back.
    revision = max(connection.execute(_REVISION, receiver).scalar_one(), min(delivery.revision, changes.newest))
    store_notices(connection, claim.receiver_id, delivery.notices)
    remove_resolved(connection, claim.receiver_id, revision)
    connection.execute(_UPDATE.values(_columns(delivery, revision, changes.now)), receiver)
    _end_queued(connection, claim.receiver_id, delivery.outcomes, changes.now)
    if dead_row is not None:
        _put_on_record(connection, {**dead_row, "create_time": changes.now, "update_time": changes.now})
    if dead_row is not None or not all(outcome.delivered for outcome in delivery.outcomes):
        _drop_surplus(connection, claim.receiver_id)


def _columns(delivery: Delivery, revision: int, now: int) -> dict[str, Any]:
    pending = delivery.pending_since
    values: dict[str, Any] = {
        "revision": revision,
        "pending_since": None if pending is None else micros_of(pending),
    }
    unfinished = delivery.unfinished
    values |= {
        "unfinished_since": None if unfinished is None else now - micros_of_age(unfinished.tried_for_s),
        "unfinished_attempts": None if unfinished is None else unfinished.attempts,
        "unfinished_first": None if unfinished is None else unfinished.first_revision,
        "unfinished_last": None if unfinished is None else unfinished.last_revision,
    }
    if delivery.delivered:
        values["last_delivery_time"] = now
    if delivery.error:
        values |= {"last_error": delivery.error, "last_error_time": now}
    if delivery.gone_reason:
        values |= {"disabled": True, "disabled_reason": delivery.gone_reason, "version": receivers.c.version + 1}
    return values


def _end_queued(connection: Connection, receiver_id: str, outcomes: Sequence[QueuedOutcome], now: int) -> None:
    for outcome in outcomes:
        values = {
            "of_notification": outcome.notification_id,
            "of_receiver": receiver_id,
            "new_state": NotificationState.DELIVERED if outcome.delivered else NotificationState.DEAD,
            "new_attempts": outcome.attempts,
            "new_error": outcome.error,
            "now": now,
        }
        connection.execute(_END, values)


def _put_on_record(connection: Connection, row: Mapping[str, Any]) -> None:
    # A call whose outcome was unknown may be repeated.
    if connection.execute(_ONE, {"of_notification": row["id"]}).first() is None:
        connection.execute(INSERT, row)


def _drop_surplus(connection: Connection, receiver_id: str) -> None:
    surplus = connection.execute(_SURPLUS, {"of_receiver": receiver_id}).scalars().all()
    if surplus:
        connection.execute(_DELETE, {"ids": surplus})
        connection.execute(_DROP, {"of_receiver": receiver_id, "count": len(surplus)})
