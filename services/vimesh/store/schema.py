"""The database's tables: made, changed and checked by `vimesh db`."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Generator
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, NullPool, create_engine
from sqlalchemy.exc import OperationalError

from vimesh.domain.errors import BadSetting, StoreUnavailable
from vimesh.store.database import trouble_as_unavailable
from vimesh.store.sqlite_file import SETTING, SqliteFile, sqlite_file

_MIGRATIONS = Path(__file__).parent / "migrations"
_UPGRADE_TIMEOUT_S = 60.0


async def upgrade(database_url: str) -> None:
    """Make the tables, or change them to what this version needs; a SQLite file is made if it is missing.

    Safe when several processes do it at once: one does, the others wait and find it done.
    Raises BadSetting, StoreUnavailable.
    """
    await asyncio.to_thread(_upgrade, sqlite_file(database_url))


async def current(database_url: str) -> str | None:
    """Return the revision of the tables, None if there are none. Raises BadSetting, StoreUnavailable."""
    return await asyncio.to_thread(_current, sqlite_file(database_url))


async def check(database_url: str) -> None:
    """Raise BadSetting, with what to type, unless the tables are what this version needs."""
    found, needed = await current(database_url), newest()
    if found == needed:
        return
    if found is not None and found not in _known():
        raise BadSetting(SETTING, f"the tables are of version {found}, made by a newer vimesh: install that one")
    state = "has no tables" if found is None else f"has tables of version {found}, and {needed} is needed"
    raise BadSetting(SETTING, f"the database {state}; type: vimesh db upgrade")


def newest() -> str:
    """Return the revision that this version needs."""
    return _scripts().get_current_head() or ""


def _upgrade(file: SqliteFile) -> None:
    _make(file.path)
    with trouble_as_unavailable(), _connected(file) as connection:
        # Whoever gets the write lock upgrades; the others wait here.
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        found = MigrationContext.configure(connection).get_current_revision()
        if found is not None and found not in _known():
            raise BadSetting(SETTING, f"the tables are of version {found}, made by a newer vimesh")
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        connection.commit()
        _turn_on_log(connection)
