"""Connects to one SQLite file, and detects when another file takes its place."""

from __future__ import annotations

import os
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import URL
from sqlalchemy.exc import DisconnectionError

from vimesh.domain.errors import BadSetting
from vimesh.store.transactions.database import SETTING


class FileConnection(sqlite3.Connection):
    """A connection that knows which file it has open."""

    file: tuple[int, int]


@dataclass(frozen=True, slots=True)
class SqliteFile:
    path: Path
    lock_timeout_s: float = 5.0
    """How long a statement waits for a lock that another process holds."""

    def identity(self) -> tuple[int, int]:
        """Return the device and inode of the file at the path. Raises OSError."""
        stat = os.stat(self.path)  # noqa: PTH116 - called twice per transaction, in half the time of Path.stat
        return stat.st_dev, stat.st_ino

    def connect(self, *pragmas: str) -> FileConnection:
        """Open the file, which must exist. Raises OSError, sqlite3.Error."""
        file = self.identity()
        connection = sqlite3.connect(
            # mode=rw: otherwise SQLite would create an empty file if the database is missing.
            f"{self.path.absolute().as_uri()}?mode=rw",
            uri=True,
            timeout=self.lock_timeout_s,
            isolation_level=None,  # we issue BEGIN ourselves
            check_same_thread=False,  # the pool hands a connection to one thread at a time
            factory=FileConnection,
        )
        try:
            connection.file = file
            self.require(connection)
            for pragma in pragmas:
                connection.execute(f"PRAGMA {pragma}").fetchall()
        except BaseException:
            connection.close()
            raise
        return connection

    def require(self, connection: FileConnection) -> None:
        """Raise OSError if the connection's file is no longer the one at the path.

        SQLite continues to use a file that was moved away or replaced, and the data written to it would be lost.
        """
        if self.identity() != connection.file:
            raise FileNotFoundError(f"{self.path} was replaced by another file")

    def require_or_reconnect(self, connection: FileConnection, *_: object) -> None:
        """Listen for `checkout`: make the pool reconnect if the file at the path is another one."""
        if self.identity() != connection.file:
            raise DisconnectionError


def path_of(url: URL) -> Path:
    """Read `sqlite:///path`. Raises BadSetting."""
    if not url.database or ":memory:" in url.database or url.query or url.host:
        raise BadSetting(SETTING, "must name a file: sqlite:///<path>")
    return Path(url.database)
