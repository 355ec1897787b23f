"""Bounds SQLite's write-ahead log while there is always a reader.

SQLite reuses its log from the start once all of it is copied into the file and no reader uses it. Overlapping readers
leave no such moment, and the log would grow with each write until the disk is full. A RESTART checkpoint creates that
moment: it blocks writers, so that new readers find all they need in the file.
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import structlog

_log = structlog.get_logger()

_LIMIT_BYTES = 128 * 1024 * 1024
"""More than the log reaches in a flood of changes without readers: that is twice the automatic checkpoint size."""
_PATIENCE_S_PER_BYTE = 1.0 / 1024**3
"""Writers wait until the current readers have finished, so a longer wait is justified only by a longer log."""
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
        """Restart the log if it is too long, unless readers hold it for longer than the time limit."""
        size = self._size()
        if size < self._limit_bytes:
            self._tried_at_bytes = 0
            return
        # Retry only when the log has grown by a quarter of the limit: writers should not wait after each transaction.
        if size - self._tried_at_bytes < self._limit_bytes // 4:
            return
        self._tried_at_bytes = size
        try:
            self._restart(writer, min(size * self._patience_s_per_byte, _LONGEST_S))
        except sqlite3.OperationalError as error:
            # The transaction is committed: a failed checkpoint must not make it look as if it had failed.
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
            return os.stat(self._path).st_size  # noqa: PTH116 - called per transaction, in half the time of Path.stat
        except FileNotFoundError:
            return 0
