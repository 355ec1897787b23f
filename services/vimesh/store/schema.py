"""The database's tables: made, changed and checked by `vimesh db`."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Generator
from dataclasses import replace
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
_ATTEMPTS = 20


async def upgrade(database_url: str) -> None:
    """Make the tables, or change them to what this version needs; a SQLite file is made if it is missing.

    Safe when several processes do it at once: one does, the others wait and find it done.
    Raises BadSetting, StoreUnavailable.
    """
    file = replace(sqlite_file(database_url), lock_timeout_s=_UPGRADE_TIMEOUT_S)
    await asyncio.to_thread(_upgrade, file)


async def current(database_url: str) -> str | None:
    """Return the revision of the tables, None if there are none. Raises BadSetting, StoreUnavailable."""
    return await asyncio.to_thread(_current, sqlite_file(database_url))


async def check(database_url: str) -> None:
    """Raise BadSetting, with what to type, unless the tables are what this version needs."""
    found, needed = await current(database_url), newest()
    if found == needed:
        return
    if found is not None and found not in _known():
        raise BadSetting(SETTING, _newer(found))
    state = "has no tables" if found is None else f"has tables of version {found}, and {needed} is needed"
    raise BadSetting(SETTING, f"the database {state}; type: vimesh db upgrade")


def newest() -> str:
    """Return the revision that this version needs."""
    return _scripts().get_current_head() or ""


def _upgrade(file: SqliteFile) -> None:
    _make(file.path)
    with trouble_as_unavailable(), _connected(file) as connection:
        # Whoever gets the write lock upgrades; the others wait here, and find it done.
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        found = _revision_of(connection)
        if found is not None and found not in _known():
            raise BadSetting(SETTING, _newer(found))
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        connection.commit()
        _keep_log(connection)


def _current(file: SqliteFile) -> str | None:
    if not file.path.exists():
        raise BadSetting(SETTING, f"there is no database at {file.path}; type: vimesh db upgrade")
    with trouble_as_unavailable(), _connected(file) as connection:
        return _revision_of(connection)


def _make(path: Path) -> None:
    try:
        # SQLite gives the files beside it the same mode.
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except FileExistsError:
        return
    except FileNotFoundError as error:
        raise BadSetting(SETTING, f"the folder {path.parent} does not exist; make it first") from error
    except OSError as error:
        raise BadSetting(SETTING, f"{path} cannot be made: {error.strerror}") from error


@contextlib.contextmanager
def _connected(file: SqliteFile) -> Generator[Connection]:
    engine = create_engine("sqlite://", creator=file.connect, poolclass=NullPool, hide_parameters=True)
    with engine.connect() as connection:
        yield connection


def _keep_log(connection: Connection) -> None:
    """Turn the write-ahead log on, for good: readers do not wait for writers, and a commit is one write."""
    for _ in range(_ATTEMPTS):
        with contextlib.suppress(OperationalError):
            connection.exec_driver_sql("PRAGMA journal_mode=WAL")
            return
        # Another process has the file open in a transaction, and SQLite does not wait here. It does here:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        connection.rollback()
    raise StoreUnavailable


def _revision_of(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _known() -> set[str]:
    return {script.revision for script in _scripts().walk_revisions()}


def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config())


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    return config


def _newer(found: str) -> str:
    return f"the tables are of version {found}, made by a newer vimesh: install that one"
