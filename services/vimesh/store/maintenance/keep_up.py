"""Does what is due for the windows that are not over. Every conductor tries, and the first one does it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter

from sqlalchemy import Connection, RowMapping, and_, exists, func, select, update

from vimesh.store.change_log.read_log import read_span
from vimesh.store.change_log.transaction import Changes
from vimesh.store.maintenance import announce_spans, cut_spans, follow_vims
from vimesh.store.maintenance.plan_spans import AHEAD, plan
from vimesh.store.maintenance.span_book import ENDED
from vimesh.store.schema.maintenance_tables import maintenance_spans, maintenances
from vimesh.store.sql.sql_functions import NowMicros

_SAVE_AFTER = 10_000
"""Changes of no concern after which it is written down that they are of none."""
_IS_OPEN = maintenances.c.closed.is_(False)
_OPEN = select(maintenances).where(_IS_OPEN).order_by(maintenances.c.id)
_LOOK = select(func.count(), func.min(maintenances.c.revision), func.min(maintenances.c.next_time), NowMicros()).where(
    _IS_OPEN
)
_IS_OVER = and_(_IS_OPEN, maintenances.c.next_time.is_(None), maintenances.c.planned_end <= NowMicros())
_HAS_OVER = select(exists().where(_IS_OVER))
_TOLD = ~exists().where(maintenance_spans.c.maintenance_id == maintenances.c.id, maintenance_spans.c.announced != ENDED)
_CLOSE = update(maintenances).where(_IS_OVER, _TOLD).values(closed=True)


@dataclass(frozen=True, slots=True)
class Look:
    """What a look at the windows showed."""

    is_due: bool
    newest: int
    """The change up to which nothing is of concern, unless something is due; 0: unknown."""


def look(connection: Connection, seen: int) -> Look:
    """Return whether anything is due. `seen`: the `newest` of the last look. One query, if no window is open."""
    count, revision, next_time, now = connection.execute(_LOOK).one()
    if not count:
        return Look(is_due=False, newest=0)
    newest = read_span(connection).newest
    after = max(revision, seen) if seen <= newest else revision
    is_due = (
        (next_time is not None and next_time <= now + AHEAD)
        or newest - revision > _SAVE_AFTER
        or announce_spans.has_due(connection)
        or cut_spans.has_uncut(connection)
        or bool(connection.execute(_HAS_OVER).scalar_one())
        or follow_vims.has_changes(connection, after)
    )
    return Look(is_due, newest)


def keep_up(connection: Connection, limit: int) -> announce_spans.Announced:
    """Do what is due, with up to `limit` events; return those of spans, and whether there is more."""
    changes = Changes.begin(connection)
    windows = connection.execute(_OPEN).mappings().all()
    if not windows:
        return announce_spans.Announced(0, 0, more=False)
    more = follow_vims.follow(changes, windows) or cut_spans.cut_any(connection) or _plan(changes, windows)
    announced = announce_spans.announce(changes, limit)
    more |= announced.more
    if not more:
        connection.execute(_CLOSE)
    changes.write()
    return announced._replace(more=more)


def _plan(changes: Changes, windows: Sequence[RowMapping]) -> bool:
    """Give VIMs their turn for the window that begins first of those with spans to write; return whether there is more.

    The others have a day, and this one may have begun.
    """
    due = [row for row in windows if row["next_time"] is not None and row["next_time"] <= changes.now + AHEAD]
    return bool(due) and (plan(changes, min(due, key=itemgetter("next_time", "id"))) or len(due) > 1)


def plan_next(connection: Connection, window_id: str) -> bool:
    """Write spans of a window, in a transaction of their own; return whether there are more to write."""
    changes = Changes.begin(connection)
    windows = connection.execute(_OPEN).mappings().all()
    row = next((row for row in windows if row["id"] == window_id), None)
    if row is None:
        return False
    return follow_vims.follow(changes, windows) or plan(changes, row)


def cut_next(connection: Connection) -> bool:
    """Cut spans of a window that was ended, in a transaction of their own; return whether there may be more."""
    Changes.begin(connection)
    return cut_spans.cut_any(connection)
