"""Replaces actions whose lease has ended, or that have never reported (G7).

The transaction locks out all other writers, so no two sweeps replace the same action.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, bindparam, exists, select

from vimesh.domain.events import EventKind
from vimesh.domain.leases import LONGEST_GRACE_S, start_grace_s
from vimesh.domain.vims import Engine
from vimesh.store.change_log.transaction import Changes, previous_of
from vimesh.store.leases.lapse_leases import oldest_leases
from vimesh.store.rows.batch_update import BatchUpdate
from vimesh.store.rows.visible_rows import LAPSED, STANDING_AND_LEASE, VIM_ID, WAITING, Row, as_started
from vimesh.store.schema.tables import OF_ACTION, leases, standings
from vimesh.store.schema.timestamps import micros

# vimesh does not start EXTERNAL actions, so it cannot replace them.
# A VIM with several vantages has no action of its own: `views.silent_views` replaces those of its vantages.
_REPLACEABLE = and_(standings.c.engine != Engine.EXTERNAL, standings.c.action_id != "")
_ANY_REPLACEABLE = select(exists().select_from(STANDING_AND_LEASE).where(~leases.c.holds, LAPSED, _REPLACEABLE))
_ACTION_COLUMNS = ("action_id", "observation", "unheard", "monitor_error", "revision")
_EVENT_COLUMNS = ("engine", "status", "reason", "detail", "status_time")


def _oldest(*conditions: ColumnElement[bool]) -> Select[Any]:
    return oldest_leases(STANDING_AND_LEASE, *conditions).add_columns(
        VIM_ID, *(standings.c[name] for name in (*_EVENT_COLUMNS, *_ACTION_COLUMNS)), WAITING.label("waiting")
    )


_OLDEST = _oldest(~leases.c.holds, leases.c.lease_until < bindparam("now"), _REPLACEABLE)
_POSTPONE = BatchUpdate(leases, ("number",), ("lease_until",))
_REPLACE = BatchUpdate(standings, OF_ACTION, _ACTION_COLUMNS)
_GRACE = BatchUpdate(leases, ("number",), ("contact_time", "lease_until"))
_MAX_POSTPONED = 2000
"""Rows that a sweep reads beyond its limit: bounds its work while an engine is away and many starts are open."""


def has_replaceable(connection: Connection) -> bool:
    """Return whether a sweep has anything to do."""
    return bool(connection.execute(_ANY_REPLACEABLE).scalar_one())


def replace_silent(connection: Connection, limit: int) -> int:
    """Replace the actions that have been silent longest, up to `limit`; return how many."""
    changes = Changes.begin(connection)
    parameters = {"now": changes.now, "count": limit + _MAX_POSTPONED}
    lapsed = connection.execute(_OLDEST, parameters).mappings().all()
    _postpone(connection, [row for row in lapsed if _is_start_pending(row)], changes.now)
    replaced = [(row, _replace(row, changes)) for row in [row for row in lapsed if not _is_start_pending(row)][:limit]]
    for batch_update in (_REPLACE, _GRACE):
        batch_update.run(connection, [batch_update.values(row, after) for row, after in replaced])
    changes.write()
    return len(replaced)


def _is_start_pending(row: Row) -> bool:
    """Return whether the start has not reached the engine yet. That is not a silence: a replacement would also wait."""
    return bool(row["waiting"]) and row["contact_time"] is None


def _postpone(connection: Connection, waiting: Sequence[Row], now: int) -> None:
    """Check them again much later: the start grace is renewed once the engine has been told."""
    to = now + micros(LONGEST_GRACE_S)
    _POSTPONE.run(connection, [(to, row["number"]) for row in waiting])


def _replace(row: Row, changes: Changes) -> Row:
    """Add the change, and return the row with its new action."""
    after = {**row, **_replacement(row, changes)}
    changes.add(
        EventKind.ACTION_REPLACED,
        as_started(after),
        previous=previous_of(row),
        stopped=row,
    )
    return after


def _replacement(row: Row, changes: Changes) -> dict[str, Any]:
    """Return the columns of the new action, which has had no contact yet."""
    unheard = row["unheard"] + 1 if row["contact_time"] is None else 0
    return {
        "action_id": str(uuid.uuid4()),
        "observation": 0,
        "contact_time": None,
        "lease_until": changes.now + micros(start_grace_s(unheard)),
        "unheard": unheard,
        "monitor_error": "",
        "revision": changes.next_revision(),
    }
