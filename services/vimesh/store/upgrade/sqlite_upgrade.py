"""Creates and upgrades the tables in a SQLite file."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path

from sqlalchemy import Connection, NullPool, create_engine
from sqlalchemy.exc import OperationalError

from vimesh.domain.errors import BadSetting, StoreUnavailable
from vimesh.store.databases.sqlite_file import SqliteFile
from vimesh.store.transactions.database import SETTING, errors_as_unavailable
from vimesh.store.upgrade import migrations_runner

_ATTEMPTS = 20


def upgrade(file: SqliteFile, limit_s: float) -> None:
    """Create the file and upgrade its tables. Raises BadSetting, StoreUnavailable."""
    _make(file.path)
    with errors_as_unavailable(), _connected(replace(file, lock_timeout_s=limit_s)) as connection:
        # The process that gets the write lock upgrades; the others wait here and find it done.
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        migrations_runner.to_newest(connection)
        connection.commit()
        _keep_log(connection)


def current(file: SqliteFile) -> str | None:
    """Return the version of the tables, None if there are none. Raises BadSetting, StoreUnavailable."""
    if not file.path.exists():
        raise BadSetting(SETTING, f"there is no database at {file.path}; type: vimesh db upgrade")
    with errors_as_unavailable(), _connected(file) as connection:
        return migrations_runner.revision_of(connection)


def _make(path: Path) -> None:
    try:
        # SQLite creates the files next to it with the same mode.
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
    """Turn on the write-ahead log permanently: readers do not wait for writers, and a commit is one write."""
    for _ in range(_ATTEMPTS):
        with contextlib.suppress(OperationalError):
            connection.exec_driver_sql("PRAGMA journal_mode=WAL")
            return
        # Another process has a transaction open. journal_mode does not honour busy_timeout; BEGIN IMMEDIATE does:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        connection.rollback()
    raise StoreUnavailable
