"""Connects to a SQLite file to create, upgrade or check its tables."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path

from sqlalchemy import Connection, NullPool, create_engine
from sqlalchemy.exc import OperationalError

from vimesh.domain.errors import BadSetting, StoreUnavailable
from vimesh.store.dialects.sqlite.sqlite_file import SqliteFile
from vimesh.store.transactions.database import SETTING

_ATTEMPTS = 20


@contextlib.contextmanager
def change_tables(file: SqliteFile, limit_s: float) -> Generator[Connection]:
    """Create the file if it is missing, and lock out all others; see EmbeddedDatabase."""
    _make(file.path)
    with _connected(replace(file, lock_timeout_s=limit_s)) as connection:
        # The process that gets the write lock upgrades; the others wait here and find it done.
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        yield connection
        connection.commit()
        _keep_log(connection)


@contextlib.contextmanager
def read_tables(file: SqliteFile) -> Generator[Connection]:
    """Connect to the file; see EmbeddedDatabase."""
    if not file.path.exists():
        raise BadSetting(SETTING, f"there is no database at {file.path}; type: vimesh db upgrade")
    with _connected(file) as connection:
        yield connection


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
