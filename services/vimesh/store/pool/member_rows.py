"""Keeps the members of the pool: who joins, whose lease ends, who drains."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence

from sqlalchemy import Connection, RowMapping, bindparam, delete, func, insert, select, update

from vimesh.domain.actions import ActionScope
from vimesh.domain.errors import PermissionDenied
from vimesh.domain.fleet.process_announcements import MISSING_AFTER_S, ProcessKind
from vimesh.domain.pool.assignment import Member
from vimesh.domain.pool.pool_errors import MonitorNotFound, TooManyMonitors
from vimesh.domain.pool.pool_members import (
    LOST_WATCH_S,
    MAX_MONITORS,
    MEMBER_LEASE_S,
    PoolMonitor,
    PoolPlace,
    PoolView,
)
from vimesh.store.change_log.transaction import Changes
from vimesh.store.schema.pool_tables import monitors
from vimesh.store.schema.tables import processes, standings
from vimesh.store.schema.timestamps import micros, moment
from vimesh.store.schema.view_tables import views
from vimesh.store.sql.sql_functions import NowMicros
from vimesh.store.views.divide_views import stored_vantage

_OF_ID = monitors.c.id == bindparam("of_id")
_ONE = select(monitors.c.identity).where(_OF_ID)
_COUNT = select(func.count()).select_from(monitors)
_RENEW = update(monitors).where(_OF_ID)
_INSERT = insert(monitors)
_SHORTEN = (
    update(monitors)
    .where(_OF_ID, monitors.c.watch_id == bindparam("of_watch"), monitors.c.lease_until > bindparam("until"))
    .values(lease_until=bindparam("until"))
)
_REMOVE = delete(monitors).where(_OF_ID, monitors.c.identity == bindparam("of_identity"))
_REMOVE_LAPSED = delete(monitors).where(monitors.c.lease_until <= bindparam("now"))
_REMOVE_LAPSED_OF = _REMOVE_LAPSED.where(monitors.c.vantage.in_(bindparam("vantages", expanding=True)))
_DRAIN = update(monitors).where(_OF_ID).values(draining=bindparam("drains"))
_VIEW = select(
    *(monitors.c.id, monitors.c.vantage, monitors.c.capacity, monitors.c.draining, monitors.c.join_time),
    *(monitors.c.lease_until, monitors.c.identity),
).order_by(monitors.c.id)
_NOW = select(NowMicros())
_CONDUCTORS = (
    select(func.count())
    .select_from(processes)
    .where(processes.c.kind == ProcessKind.CONDUCTOR, processes.c.seen_time > bindparam("after"))
)
_SHOWN = (
    select(monitors, processes.c.host, processes.c.pid, processes.c.version, processes.c.facts)
    .select_from(monitors.outerjoin(processes, processes.c.id == monitors.c.id))
    .order_by(monitors.c.vantage, processes.c.host, monitors.c.id)
)
_SHOWN_ONE = _SHOWN.where(_OF_ID)
_WANTED_AFTER = (
    select(standings.c.vim_id, standings.c.action_id)
    .where(
        standings.c.vim_id > bindparam("after"),
        standings.c.engine == bindparam("engine"),
        standings.c.vantage == bindparam("stored_vantage"),
        standings.c.action_id != "",
    )
    .order_by(standings.c.vim_id)
    .limit(bindparam("count"))
)
_VIEWS_AFTER = (
    select(views.c.vim_id, views.c.action_id)
    .where(views.c.vim_id > bindparam("after"), views.c.vantage == bindparam("vantage"))
    .order_by(views.c.vim_id)
    .limit(bindparam("count"))
)


def join(connection: Connection, monitor_id: str, place: PoolPlace, identity: str, watch_id: str) -> None:
    """Take in a monitor that watches, as `renew` does."""
    # This adds no change, but locks out other writers, and refuses a server that is read-only.
    renew(connection, monitor_id, place, identity, now=Changes.begin(connection).now, watch_id=watch_id)


def renew(  # noqa: PLR0913 - what a row is of
    connection: Connection, monitor_id: str, place: PoolPlace, identity: str, *, now: int, watch_id: str = ""
) -> None:
    """Renew the lease of a monitor, or take it in, in a transaction that has begun at `now`.

    `watch_id`: of the watch that it opens; empty: that stays as it is. Raises TooManyMonitors, and PermissionDenied if
    another identity has a monitor of the same id.
    """
    renewed = {
        "vantage": place.vantage,
        "capacity": place.capacity,
        "lease_until": now + micros(MEMBER_LEASE_S),
        **({"watch_id": watch_id} if watch_id else {}),
    }
    owner = connection.execute(_ONE, {"of_id": monitor_id}).scalar_one_or_none()
    if owner is not None:
        if owner != identity:
            raise PermissionDenied(f"monitor {monitor_id} belongs to another identity")
        connection.execute(_RENEW.values(renewed), {"of_id": monitor_id})
        return
    if connection.execute(_COUNT).scalar_one() >= MAX_MONITORS:
        connection.execute(_REMOVE_LAPSED, {"now": now})
        if connection.execute(_COUNT).scalar_one() >= MAX_MONITORS:
            raise TooManyMonitors(MAX_MONITORS)
    row = {"id": monitor_id, "identity": identity, "draining": False, "join_time": now, "watch_id": ""}
    connection.execute(_INSERT, {**row, **renewed})


def withdraw(connection: Connection, monitor_id: str, identity: str) -> None:
    """Remove a monitor that ends in order, in a transaction that has begun."""
    connection.execute(_REMOVE, {"of_id": monitor_id, "of_identity": identity})


def note_lost_watch(connection: Connection, monitor_id: str, watch_id: str) -> None:
    """Shorten the lease of a monitor whose watch broke, unless it has opened another one since."""
    until = Changes.begin(connection).now + micros(LOST_WATCH_S)
    connection.execute(_SHORTEN, {"of_id": monitor_id, "of_watch": watch_id, "until": until})


def view(connection: Connection) -> PoolView:
    """Return who is in the pool."""
    now: int = connection.execute(_NOW).scalar_one()
    members: dict[str, list[Member]] = defaultdict(list)
    rows = connection.execute(_VIEW).mappings().all()
    lives_until = now + micros(LOST_WATCH_S)
    for row in rows:
        members[row["vantage"]].append(Member(row["id"], row["capacity"], row["draining"], row["join_time"]))
    return PoolView(
        time=moment(now),
        members={vantage: tuple(present) for vantage, present in members.items()},
        living=frozenset(row["vantage"] for row in rows if row["lease_until"] > lives_until),
        lapsed=frozenset(row["vantage"] for row in rows if row["lease_until"] <= now),
        identities={row["id"]: row["identity"] for row in rows},
        conductors=connection.execute(_CONDUCTORS, {"after": now - micros(MISSING_AFTER_S)}).scalar_one(),
    )


def remove_lapsed(connection: Connection, until: int, vantages: Collection[str]) -> int:
    """Remove the monitors of some vantages whose leases had ended by then; return how many."""
    Changes.begin(connection)
    return connection.execute(_REMOVE_LAPSED_OF, {"now": until, "vantages": sorted(vantages)}).rowcount


def list_monitors(connection: Connection) -> list[PoolMonitor]:
    return [_monitor_of(row) for row in connection.execute(_SHOWN).mappings()]


def drain(connection: Connection, monitor_id: str, *, draining: bool) -> PoolMonitor:
    """Say whether a monitor leaves its VIMs to the others. Raises MonitorNotFound."""
    Changes.begin(connection)
    connection.execute(_DRAIN, {"of_id": monitor_id, "drains": draining})
    row = connection.execute(_SHOWN_ONE, {"of_id": monitor_id}).mappings().one_or_none()
    if row is None:
        raise MonitorNotFound(monitor_id)
    return _monitor_of(row)


def wanted_after(connection: Connection, scope: ActionScope, vim_id: str, limit: int) -> Sequence[tuple[str, str]]:
    """Return (vim_id, action_id) of wanted actions of a vantage, in the order of their VIMs' ids."""
    own = {"engine": scope.engine, "stored_vantage": stored_vantage(scope.vantage)}
    rows = connection.execute(_WANTED_AFTER, {"after": vim_id, "count": limit, **own})
    wanted = [(row.vim_id, row.action_id) for row in rows]
    of_views = connection.execute(_VIEWS_AFTER, {"after": vim_id, "count": limit, "vantage": scope.vantage})
    if viewed := [(row.vim_id, row.action_id) for row in of_views]:
        wanted = sorted((*wanted, *viewed))[:limit]
    return wanted


def _monitor_of(row: RowMapping) -> PoolMonitor:
    actions = str((row["facts"] or {}).get("actions", ""))
    return PoolMonitor(
        monitor_id=row["id"],
        vantage=row["vantage"],
        capacity=row["capacity"],
        draining=row["draining"],
        identity=row["identity"],
        join_time=moment(row["join_time"]),
        lease_time=moment(row["lease_until"]),
        host=row["host"] or "",
        pid=row["pid"] or 0,
        version=row["version"] or "",
        actions=int(actions) if actions.isdecimal() and len(actions) < 10 else 0,
    )
