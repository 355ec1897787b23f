"""Bounds SQLite's write-ahead log while there is always somebody who reads.

SQLite begins its log at the front again when all of it is copied into the file and nobody reads from it. Readers that
overlap leave no such moment, and then the log grows with all that is written, until the disk is full. A checkpoint that
restarts the log makes one: it lets no writer in, so that each reader that begins finds what it needs in the file.
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import structlog

_log = structlog.get_logger()

_LIMIT_BYTES = 128 * 1024 * 1024
"""Above what the log has after a flood of changes without readers: that is twice what is copied at a time."""
_PATIENCE_S_PER_BYTE = 1.0 / 1024**3
"""Writers wait as long as the readers that are at it, so the longer the log, the longer that is worth it."""
_LONGEST_S = 5.0


class WriteAheadLog:
    def __init__(
        self, database: Path, *, limit_bytes: int = _LIMIT_BYTES, patience_s_per_byte: float = _PATIENCE_S_PER_BYTE
    ) -> None:
        self._path = f"{database}-wal"
        self._limit_bytes = limit_bytes
        self._patience_s_per_byte = patience_s_per_byte
        self._tried_at_bytes = 0

    def bound(self, writer: sqlite3.Connection) -> None:
        """Restart the log if it is too long, as far as readers let that happen in time."""
        size = self._size()
        if size < self._limit_bytes:
            self._tried_at_bytes = 0
            return
        # Tried again when it has grown by a quarter of the limit: writers are not to wait after each transaction.
        if size - self._tried_at_bytes < self._limit_bytes // 4:
            return
        self._tried_at_bytes = size
        try:
            self._restart(writer, min(size * self._patience_s_per_byte, _LONGEST_S))
        except sqlite3.OperationalError as error:
            # What was written before is committed, and is not to look as if it were not.
            _log.warning("the write-ahead log cannot be copied into the database", size_bytes=size, error=str(error))

    def _restart(self, writer: sqlite3.Connection, patience_s: float) -> None:
        [[usual_ms]] = writer.execute("PRAGMA busy_timeout").fetchall()
        try:
            writer.execute(f"PRAGMA busy_timeout={patience_s * 1000:.0f}").fetchall()
            writer.execute("PRAGMA wal_checkpoint(RESTART)").fetchall()
        finally:
            writer.execute(f"PRAGMA busy_timeout={usual_ms}").fetchall()

    def _size(self) -> int:
        try:
            return os.stat(self._path).st_size  # noqa: PTH116 - called for each transaction, and half as long
        except FileNotFoundError:
            return 0
