"""Finds the conductors of earlier releases that run beside this one."""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, select

from vimesh.domain.fleet.process_announcements import MISSING_AFTER_S, ProcessKind
from vimesh.domain.fleet.upgrade_phases import TABLES_FACT
from vimesh.store.schema.tables import processes
from vimesh.store.schema.timestamps import micros
from vimesh.store.sql.sql_functions import NowMicros

_CONDUCTORS = select(processes.c.host, processes.c.pid, processes.c.facts).where(
    processes.c.kind == ProcessKind.CONDUCTOR, processes.c.seen_time >= NowMicros() - bindparam("within")
)


def older_conductors(connection: Connection, version: str) -> list[str]:
    """Return the hosts and process ids of those conductors that know only tables older than this version, sorted.

    Not seen: a conductor of a version before 0010, which does not announce itself, and one that has not reached the
    database for a minute.
    """
    found = connection.execute(_CONDUCTORS, {"within": micros(MISSING_AFTER_S)}).all()
    return sorted(f"{one.host} ({one.pid})" for one in found if one.facts.get(TABLES_FACT, "") < version)
