"""Counts VIMs by what they read now, and open to-dos."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Final

from sqlalchemy import ColumnElement, Connection, and_, case, func, not_, or_, select

from vimesh.domain.fleet.fleet_status import OpenTodos, VimCount
from vimesh.domain.todos import TodoKind
from vimesh.domain.vims import Engine, Status
from vimesh.store.rows.visible_rows import LAPSED, SILENT, STANDING_AND_LEASE, WHOLE_VIM
from vimesh.store.schema.tables import events, leases, standings, todos, vims
from vimesh.store.schema.timestamps import MICROS

# In the time for its first report, the first action of a VIM, or of a new target, is not late.
_STARTS: ColumnElement[bool] = and_(
    standings.c.status == Status.PENDING, standings.c.unheard == 0, leases.c.contact_time.is_(None)
)
_UNWATCHED: ColumnElement[bool] = or_(LAPSED, and_(not_(leases.c.holds), not_(_STARTS)))
_WATCH_STATES: Final[Mapping[str, ColumnElement[bool]]] = {
    "watched": not_(_UNWATCHED),
    "unwatched": and_(_UNWATCHED, not_(SILENT)),
    "silent": SILENT,
}
"""The states of which each VIM has exactly one. A silent VIM is unwatched, too."""
# Sums within each stored status, which has an index: SQLite sorts the rows of any other groups, for most of a second if
# there are 100,000.
_SUMS: Final = [
    (engine, state, func.sum(case((and_(standings.c.engine == engine.value, condition), 1), else_=0)))
    for engine in Engine
    for state, condition in _WATCH_STATES.items()
]
_COUNTS: Final = select(standings.c.status, *(total for _, _, total in _SUMS)).group_by(standings.c.status)
_OPEN = select(todos.c.kind, func.count().label("count"), func.min(todos.c.number).label("oldest")).group_by(
    todos.c.kind
)


def count_vims(connection: Connection, projects: Collection[str] | None) -> list[VimCount]:
    """Count the VIMs of these projects, or of all, by what they read at the time of the statement (G6)."""
    if projects is None:
        statement = _COUNTS.select_from(STANDING_AND_LEASE)
    else:
        statement = _COUNTS.select_from(WHOLE_VIM).where(vims.c.project_id.in_(sorted(projects)))
    counts: Counter[tuple[Status, Engine, bool]] = Counter()
    for status, *totals in connection.execute(statement):
        for (engine, state, _), total in zip(_SUMS, totals, strict=True):
            shown = Status.UNKNOWN if state == "silent" else Status(status)
            counts[shown, engine, state != "watched"] += int(total)  # MariaDB sums are decimals
    return [
        VimCount(status, engine, unwatched=unwatched, count=count)
        for (status, engine, unwatched), count in counts.items()
        if count
    ]


def count_todos(connection: Connection, now: int) -> Sequence[OpenTodos]:
    """Count the open to-dos by kind. The age of the oldest is the age of its change, or of the oldest in the log."""
    return [
        OpenTodos(TodoKind(kind), count, max(0, now - _time_of(connection, oldest // 2, now)) / MICROS)
        for kind, count, oldest in connection.execute(_OPEN).all()
    ]


def _time_of(connection: Connection, revision: int, now: int) -> int:
    """Return the time of a change; of one that was dropped from the log, the time of the oldest change in it."""
    at_least = select(events.c.time).where(events.c.revision >= revision).order_by(events.c.revision).limit(1)
    time = connection.execute(at_least).scalar_one_or_none()
    return now if time is None else time
