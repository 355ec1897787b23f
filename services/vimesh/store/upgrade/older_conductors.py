"""Refuses to contract the tables while conductors run that this would break."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, inspect

from vimesh.domain.errors import BadSetting
from vimesh.domain.fleet.process_announcements import MISSING_AFTER_S
from vimesh.store.rows.conductor_versions import older_conductors
from vimesh.store.schema.tables import processes
from vimesh.store.transactions.database import SETTING

_MAX_NAMED: Final = 5


def require_no_older_conductors(connection: Connection, version: str) -> None:
    """Raise BadSetting if a conductor that was heard of lately can only use tables older than this version."""
    if not inspect(connection).has_table(processes.name):
        return
    if older := older_conductors(connection, version):
        named = ", ".join(older[:_MAX_NAMED]) + (", ..." if len(older) > _MAX_NAMED else "")
        raise BadSetting(
            SETTING,
            f"conductors of an earlier release, heard of within the last {MISSING_AFTER_S:.0f} s, cannot use tables of "
            f"version {version}: {named}. Nothing was changed: replace them, and repeat the command",
        )
