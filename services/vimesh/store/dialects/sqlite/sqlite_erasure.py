"""Erases what removed rows have left in a SQLite file and its write-ahead log.

With `secure_delete` SQLite overwrites the row that it removes. But when it moves rows to another page it may leave
their bytes behind, in the unused part of the page: of 3000 removed secrets, two were found there. VACUUM writes the
whole file anew, without unused parts. The log holds everything that was written since it was last truncated.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Final

from vimesh.domain.errors import StoreUnavailable
from vimesh.store.dialects.sqlite.sqlite_file import SqliteFile

VACUUM_LIMIT_BYTES: Final = 16 * 1024 * 1024
"""Writers wait while the file is written anew: for this size about as long as for a large batch."""


def erase(file: SqliteFile, *, whole: bool) -> None:
    """Write the file anew, and empty the log. Raises OSError; StoreUnavailable if others use the file for too long.

    Unless `whole`, a file above VACUUM_LIMIT_BYTES is left as it is, and only the log is emptied.
    """
    try:
        _erase(file, whole=whole)
    except sqlite3.Error as error:
        raise StoreUnavailable from error


def _erase(file: SqliteFile, *, whole: bool) -> None:
    small = file.path.stat().st_size <= VACUUM_LIMIT_BYTES
    # A small copy is built in memory, a larger one in a temporary file, which SQLite unlinks at once.
    with closing(file.connect("secure_delete=ON", f"temp_store={'MEMORY' if small else 'FILE'}")) as connection:
        if small or whole:
            connection.execute("VACUUM")
        file.require(connection)
        [[busy, _, _]] = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    if busy:
        raise sqlite3.OperationalError("readers use the write-ahead log")
