"""Counts VIMs by what they read now, to-dos by what becomes of them, receivers, windows and causes."""

from __future__ import annotations

from sqlalchemy import Connection, case, func, select

from vimesh.domain.fleet.store_statistics import DatabaseGauges, ReceiverState, TodoState
from vimesh.domain.vims import CauseKind, Status
from vimesh.store.dialects.registry import dialect_of
from vimesh.store.rows.visible_rows import SILENT, STANDING_AND_LEASE
from vimesh.store.schema.cause_tables import causes
from vimesh.store.schema.maintenance_tables import maintenances
from vimesh.store.schema.notification_tables import receivers
from vimesh.store.schema.tables import events, standings, todos
from vimesh.store.schema.timestamps import MICROS
from vimesh.store.sql.sql_functions import NowMicros

SHOWN_STATUS = case((SILENT, Status.UNKNOWN.value), else_=standings.c.status)
"""The status of a silent action is UNKNOWN even before that is written (G6)."""
_VISIBLE = select(SHOWN_STATUS.label("status")).select_from(STANDING_AND_LEASE).subquery()
_VIMS = select(_VISIBLE.c.status, func.count()).group_by(_VISIBLE.c.status)
_STATE = case(
    (todos.c.due_time <= NowMicros(), TodoState.DUE.value),
    (todos.c.claim_token != "", TodoState.CLAIMED.value),
    else_=TodoState.DELAYED.value,
)
_STATES = select(_STATE.label("state")).subquery()
_TODOS = select(_STATES.c.state, func.count()).group_by(_STATES.c.state)
_OLDEST = select(func.min(todos.c.number))
_CLOCK = select(NowMicros())
_RECEIVER_STATE = case(
    (receivers.c.disabled, ReceiverState.DISABLED.value),
    (receivers.c.claim_until > NowMicros(), ReceiverState.CLAIMED.value),
    else_=ReceiverState.UNCLAIMED.value,
)
_RECEIVER_STATES = select(_RECEIVER_STATE.label("state")).subquery()
_RECEIVERS = select(_RECEIVER_STATES.c.state, func.count()).group_by(_RECEIVER_STATES.c.state)

_WINDOWS = select(func.count()).where(maintenances.c.closed.is_(False))
_CAUSES = select(causes.c.kind, func.count()).where(causes.c.end_time.is_(None)).group_by(causes.c.kind)


def read_gauges(connection: Connection) -> DatabaseGauges:
    """Return the counts. They are of one moment each, but not of the same one."""
    vims = {Status(status): count for status, count in connection.execute(_VIMS)}
    states = {TodoState(state): count for state, count in connection.execute(_TODOS)}
    claims = {ReceiverState(state): count for state, count in connection.execute(_RECEIVERS)}
    lasting = {CauseKind(kind): count for kind, count in connection.execute(_CAUSES)}
    product, version = dialect_of(connection.dialect).product_and_version(connection.dialect)
    return DatabaseGauges(
        dialect=product.lower(),
        version=version,
        vims={status: vims.get(status, 0) for status in Status},
        todos={state: states.get(state, 0) for state in TodoState},
        oldest_todo_s=_age_of_oldest(connection) if states else 0.0,
        receivers={state: claims.get(state, 0) for state in ReceiverState},
        maintenance_windows=connection.execute(_WINDOWS).scalar_one(),
        causes={kind: lasting.get(kind, 0) for kind in CauseKind},
    )


def _age_of_oldest(connection: Connection) -> float:
    """Return the age of the change that caused the oldest to-do; if that was dropped, of the oldest that was not."""
    number = connection.execute(_OLDEST).scalar_one_or_none()
    if number is None:
        return 0.0
    since = select(events.c.time).where(events.c.revision >= number // 2).order_by(events.c.revision).limit(1)
    time = connection.execute(since).scalar_one_or_none()
    return 0.0 if time is None else max(0, connection.execute(_CLOCK).scalar_one() - time) / MICROS
