"""Keeps the processes of the fleet that make themselves known."""

from __future__ import annotations

from sqlalchemy import Connection, RowMapping, bindparam, delete, insert, select, update

from vimesh.domain.errors import PermissionDenied
from vimesh.domain.fleet.process_announcements import (
    FORGET_AFTER_S,
    MAX_OF_IDENTITY,
    MAX_SHOWN,
    Announcement,
    FleetProcess,
    ProcessKind,
)
from vimesh.store.change_log.transaction import Changes
from vimesh.store.pool import member_rows
from vimesh.store.schema.tables import processes
from vimesh.store.schema.timestamps import MICROS, micros, micros_of_age, moment

_FORGET_AFTER = micros(FORGET_AFTER_S)
_OF_ID = processes.c.id == bindparam("of_id")
_OF_IDENTITY = processes.c.identity == bindparam("of_identity")
_IDENTITY = select(processes.c.identity).where(_OF_ID)
_UPDATE = update(processes).where(_OF_ID)
_REMOVE = delete(processes).where(_OF_ID, _OF_IDENTITY)
_REMOVE_OLD = delete(processes).where(processes.c.seen_time < bindparam("before"))
_NEWEST_FIRST = (processes.c.seen_time.desc(), processes.c.id)
_SURPLUS = select(processes.c.id).where(_OF_IDENTITY).order_by(*_NEWEST_FIRST).offset(MAX_OF_IDENTITY).limit(MAX_SHOWN)
_REMOVE_SEVERAL = delete(processes).where(processes.c.id.in_(bindparam("ids", expanding=True)))
_KINDS = frozenset(ProcessKind)
_SHOWN = select(processes).where(processes.c.seen_time >= bindparam("since")).order_by(*_NEWEST_FIRST).limit(MAX_SHOWN)


def announce(connection: Connection, announcement: Announcement, identity: str) -> None:
    """Store what a process says of itself, renew its lease in the pool, and forget those not heard of for long.

    Raises PermissionDenied if another identity has announced a process of the same id, TooManyMonitors.
    """
    # This adds no change, but locks out other writers, and refuses a server that is read-only.
    now = Changes.begin(connection).now
    if announcement.pool is not None:
        member_rows.renew(connection, announcement.process_id, announcement.pool, identity, now=now)
    connection.execute(_REMOVE_OLD, {"before": now - _FORGET_AFTER})
    owner = connection.execute(_IDENTITY, {"of_id": announcement.process_id}).scalar_one_or_none()
    if owner is not None and owner != identity:
        raise PermissionDenied(f"process {announcement.process_id} was announced by another identity")
    changing = {
        "seen_time": now,
        "loop_lag": micros(announcement.loop_lag_s),
        "facts": dict(announcement.facts),
    }
    if owner is not None:
        connection.execute(_UPDATE.values(changing), {"of_id": announcement.process_id})
        return
    row = {
        "id": announcement.process_id,
        "identity": identity,
        "kind": announcement.kind,
        "host": announcement.host,
        "pid": announcement.pid,
        "version": announcement.version,
        "start_time": now - micros_of_age(announcement.uptime_s),
        **changing,
    }
    connection.execute(insert(processes), row)
    surplus = connection.execute(_SURPLUS, {"of_identity": identity}).scalars().all()
    if surplus:
        connection.execute(_REMOVE_SEVERAL, {"ids": surplus})


def withdraw(connection: Connection, process_id: str, identity: str) -> None:
    """Remove a process that ends in order, from the pool as well, unless another identity announced it."""
    Changes.begin(connection)
    member_rows.withdraw(connection, process_id, identity)
    connection.execute(_REMOVE, {"of_id": process_id, "of_identity": identity})


def read_announced(connection: Connection, now: int) -> list[FleetProcess]:
    """Return the processes that were heard of within the last hour; of more than can be shown, the newest."""
    rows = connection.execute(_SHOWN, {"since": now - _FORGET_AFTER}).mappings()
    # A later version beside this one may announce kinds of its own.
    return [_process_of(row) for row in rows if row["kind"] in _KINDS]


def _process_of(row: RowMapping) -> FleetProcess:
    return FleetProcess(
        process_id=row["id"],
        kind=ProcessKind(row["kind"]),
        host=row["host"],
        pid=row["pid"],
        version=row["version"],
        identity=row["identity"],
        start_time=moment(row["start_time"]),
        seen_time=moment(row["seen_time"]),
        loop_lag_s=row["loop_lag"] / MICROS,
        facts=row["facts"],
    )
