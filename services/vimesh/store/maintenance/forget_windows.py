"""Removes what was over so long ago that nobody asks for it."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, bindparam, delete, select

from vimesh.store.change_log.transaction import Changes
from vimesh.store.schema.maintenance_tables import maintenance_spans, maintenances
from vimesh.store.schema.timestamps import micros
from vimesh.store.sql.sql_functions import NowMicros

KEPT: Final = micros(400 * 86400)
"""How long spans and windows that are over are kept: longer than the year of which people want to know."""
_OLD = (
    select(maintenance_spans.c.end_time)
    .where(maintenance_spans.c.end_time < NowMicros() - KEPT)
    .order_by(maintenance_spans.c.end_time)
    .limit(bindparam("count"))
)
_OLD_WINDOWS = select(maintenances.c.id).where(maintenances.c.closed, maintenances.c.planned_end < NowMicros() - KEPT)
_FORGET_SPANS = delete(maintenance_spans).where(maintenance_spans.c.end_time <= bindparam("last"))
_FORGET_WINDOWS = delete(maintenances).where(maintenances.c.closed, maintenances.c.planned_end < bindparam("before"))


def has_old(connection: Connection) -> bool:
    return any(
        connection.execute(statement, parameters).first()
        for statement, parameters in ((_OLD, {"count": 1}), (_OLD_WINDOWS, {}))
    )


def forget(connection: Connection, limit: int) -> int:
    """Remove up to about `limit` spans, and the windows that have none left; return how many spans were found."""
    changes = Changes.begin(connection)
    old = connection.execute(_OLD, {"count": limit}).scalars().all()
    if old:
        connection.execute(_FORGET_SPANS, {"last": old[-1]})
    if len(old) < limit:
        connection.execute(_FORGET_WINDOWS, {"before": changes.now - KEPT})
    return len(old)
