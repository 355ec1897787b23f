"""Finds the conductors that a contraction of the tables would break."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, bindparam, inspect, select

from vimesh.domain.errors import BadSetting
from vimesh.domain.fleet.process_announcements import MISSING_AFTER_S, ProcessKind
from vimesh.domain.fleet.upgrade_phases import TABLES_FACT
from vimesh.store.schema.tables import processes
from vimesh.store.schema.timestamps import micros
from vimesh.store.sql.sql_functions import NowMicros
from vimesh.store.transactions.database import SETTING

_MAX_NAMED: Final = 5
_CONDUCTORS = select(processes.c.host, processes.c.pid, processes.c.version, processes.c.facts).where(
    processes.c.kind == ProcessKind.CONDUCTOR, processes.c.seen_time >= NowMicros() - bindparam("within")
)


def require_no_older_conductors(connection: Connection, version: str) -> None:
    """Raise BadSetting if a conductor that was heard of lately can only use tables older than this version.

    Not seen: a conductor of a version before 0010, which does not announce itself, and one that has not reached the
    database for a minute.
    """
    if not inspect(connection).has_table(processes.name):
        return
    found = connection.execute(_CONDUCTORS, {"within": micros(MISSING_AFTER_S)}).all()
    older = sorted(f"{one.host} ({one.pid})" for one in found if one.facts.get(TABLES_FACT, "") < version)
    if older:
        named = ", ".join(older[:_MAX_NAMED]) + (", ..." if len(older) > _MAX_NAMED else "")
        raise BadSetting(
            SETTING,
            f"conductors of an earlier release, heard of within the last {MISSING_AFTER_S:.0f} s, cannot use tables of "
            f"version {version}: {named}. Nothing was changed: replace them, and repeat the command",
        )
