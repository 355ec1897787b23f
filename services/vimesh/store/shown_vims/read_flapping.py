"""Finds the VIMs that flap, by their changes in the log. Only those whose status changed lately are looked at."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from sqlalchemy import Connection, and_, bindparam, or_, select

from vimesh.domain.events import EventKind
from vimesh.domain.history.flapping import FEWEST_CHANGES, LOOKBACK_S, WINDOW_S, is_flapping
from vimesh.domain.vims import Status
from vimesh.store.rows.log_times import first_revision_since
from vimesh.store.rows.visible_rows import Row
from vimesh.store.schema.tables import events
from vimesh.store.schema.timestamps import MICROS, micros
from vimesh.store.sql.prepared_statements import PreparedStatement
from vimesh.store.sql.sql_functions import among

_MOST_CHANGES: Final = 20_000
"""Changes that are looked at for a page of VIMs, the newest ones."""
_NO_END: Final = 2**62
_WINDOW: Final = micros(WINDOW_S)
_LOOKBACK: Final = micros(LOOKBACK_S)
# A VIM of which nothing is known for a while was neither lost nor found.
_LOST_OR_FOUND = or_(
    and_(events.c.previous_status == Status.REACHABLE, events.c.status == Status.UNREACHABLE),
    and_(events.c.previous_status == Status.UNREACHABLE, events.c.status == Status.REACHABLE),
)
# Of any kind: reading on to a certain kind could take long, and usually there are not even so many.
_TIME_OF_NTH = PreparedStatement(
    select(events.c.time)
    .where(events.c.vim_id == bindparam("vim_id"))
    .order_by(events.c.revision.desc())
    .limit(1)
    .offset(FEWEST_CHANGES - 1)
)
_CHANGES = PreparedStatement(
    select(events.c.vim_id, events.c.time)
    .where(
        among(events.c.vim_id, "ids"),
        events.c.revision >= bindparam("from_revision"),
        events.c.revision <= bindparam("up_to"),
        events.c.kind == EventKind.STATUS_CHANGED,
        _LOST_OR_FOUND,
    )
    .order_by(events.c.revision.desc())
    .limit(_MOST_CHANGES)
)


def flapping_vims(connection: Connection, rows: Iterable[Row], up_to: int | None = None) -> frozenset[str]:
    """Return the ids of those of the visible rows whose VIMs flap. If none changed lately, nothing is read.

    `up_to`: the newest change to look at, if the rows are those of a time in the past.
    """
    recent = {row["id"]: row["now"] for row in rows if row["now"] - row["status_time"] < _WINDOW}
    if not recent:
        return frozenset()
    if up_to is None and len(recent) == 1 and _changed_seldom(connection, *next(iter(recent.items()))):
        return frozenset()
    now = max(recent.values())
    first = first_revision_since(connection, now - _LOOKBACK)
    parameters = {"ids": list(recent), "from_revision": first, "up_to": _NO_END if up_to is None else up_to}
    times: dict[str, list[float]] = {}
    for vim_id, time in reversed(_CHANGES.rows(connection, parameters)):
        times.setdefault(vim_id, []).append(time / MICROS)
    return frozenset(vim_id for vim_id, changes in times.items() if is_flapping(changes, now / MICROS))


def _changed_seldom(connection: Connection, vim_id: str, now: int) -> bool:
    """Return whether the VIM had too few changes of late to flap. It takes one short look."""
    rows = _TIME_OF_NTH.rows(connection, {"vim_id": vim_id})
    return not rows or now - int(rows[0][0]) > _WINDOW
