"""Runs transactions on a SQLite file that several processes share.

Each transaction runs entirely in one thread. That costs one thread switch per transaction, where an asynchronous driver
needs several per statement.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Never, TypeVar, cast

from sqlalchemy import Connection, Engine, QueuePool, create_engine, event
from sqlalchemy.exc import OperationalError

from vimesh.store.connections.json_columns import json_text
from vimesh.store.dialects.embedded_dialect import EmbeddedDatabase, ShowProgress
from vimesh.store.dialects.sqlite import sqlite_backup
from vimesh.store.dialects.sqlite.sqlite_erasure import erase
from vimesh.store.dialects.sqlite.sqlite_file import FileConnection, SqliteFile
from vimesh.store.dialects.sqlite.sqlite_log import WriteAheadLog
from vimesh.store.dialects.sqlite.sqlite_tables import change_tables, read_tables
from vimesh.store.transactions.database import BROWSERS, READERS, Work
from vimesh.tracing.spans import in_span

T = TypeVar("T")

_PROGRESS_STEPS = 20_000
"""SQLite virtual machine instructions between checks for a caller that gave up: about a millisecond."""
# synchronous=FULL: a report that was answered is on the disk (G2).
# secure_delete: the credentials of a deregistered VIM are overwritten; see sqlite_erasure for what remains.
# busy_timeout, in milliseconds: see _begin_immediate.
# cache_size, in KiB: the indexes of 100,000 VIMs fit in.
# wal_autocheckpoint, in pages: with a log of 32 MiB, pages that change often are copied into the file only once.
# journal_size_limit: the log may grow longer in a flood of changes, and is truncated after it.
_WRITER_PRAGMAS = (
    *("journal_mode=WAL", "synchronous=FULL", "secure_delete=ON", "busy_timeout=10"),
    *("cache_size=-16000", "wal_autocheckpoint=8000", "journal_size_limit=67108864"),
)
_READER_PRAGMAS = ("query_only=ON",)


class SqliteDatabase(SqliteFile):
    """Implements EmbeddedDatabase."""

    def transactions(self) -> SqliteTransactions:
        return SqliteTransactions(self)

    def change_tables(self, limit_s: float) -> AbstractContextManager[Connection]:
        return change_tables(self, limit_s)

    def read_tables(self) -> AbstractContextManager[Connection]:
        return read_tables(self)

    def back_up(self, target: Path, show: ShowProgress) -> None:
        sqlite_backup.back_up(self, target, show)

    def restore(self, source: Path, prepare: Callable[[EmbeddedDatabase], object], show: ShowProgress) -> Path | None:
        return sqlite_backup.restore(self, source, lambda copy: prepare(SqliteDatabase(copy)), show)


class SqliteTransactions:
    """Implements Transactions."""

    def __init__(self, file: SqliteFile) -> None:
        self._file = file
        self._write_ahead_log = WriteAheadLog(file.path)
        self._writer = _engine(file, 1, _WRITER_PRAGMAS)
        event.listen(self._writer, "begin", partial(_begin_immediate, patience_s=file.lock_timeout_s))
        # A single statement sees one consistent state without BEGIN.
        self._reader = _engine(file, READERS + BROWSERS, _READER_PRAGMAS, isolation_level="AUTOCOMMIT")
        # A thread for each transaction that may run at a time, so none waits for another.
        self._threads = ThreadPoolExecutor(1 + READERS + BROWSERS, "sqlite")

    def read(self, work: Work[T]) -> asyncio.Future[T]:
        return self._thread(self._read, work)

    def browse(self, work: Work[T]) -> tuple[asyncio.Future[T], Callable[[], object]]:
        abandoned = threading.Event()
        return self._thread(self._browse, work, abandoned), abandoned.set

    def write(self, work: Work[T]) -> asyncio.Future[T]:
        return self._thread(self._write, work)

    def _thread(self, call: Callable[..., T], *arguments: object) -> asyncio.Future[T]:
        return asyncio.get_running_loop().run_in_executor(self._threads, in_span(call), *arguments)

    def _read(self, work: Work[T]) -> T:
        with self._reader.connect() as connection:
            result = work(connection)
            self._file.require(_raw(connection))
            return result

    def _browse(self, work: Work[T], abandoned: threading.Event) -> T:
        def watched(connection: Connection) -> T:
            # Checked in this thread: an interrupt from outside might hit the next user of the connection.
            _raw(connection).set_progress_handler(abandoned.is_set, _PROGRESS_STEPS)
            try:
                return work(connection)
            finally:
                _raw(connection).set_progress_handler(None, 0)

        return self._read(watched)

    def _write(self, work: Work[T]) -> T:
        with self._writer.connect() as connection:
            with connection.begin():
                result = work(connection)
            # Only now is it certain that the commit went to the file that other processes will open.
            self._file.require(_raw(connection))
            self._write_ahead_log.bound(_raw(connection))
            return result

    def require_writable(self) -> asyncio.Future[object]:
        # Only a real write can show whether the file accepts writes. QueuedDatabase does one after a write has failed.
        return self.read(lambda connection: connection.exec_driver_sql("SELECT 1").scalar_one())

    async def erase_removed(self, *, whole: bool) -> None:
        # On a thread and a connection of its own: other transactions of this process only wait for its locks.
        await asyncio.to_thread(erase, self._file, whole=whole)

    async def watch_commits(self, on_commit: Callable[[], None]) -> Never:  # noqa: ARG002 - SQLite has no notifications
        while True:
            await asyncio.Event().wait()

    async def close(self) -> None:
        self._threads.shutdown()
        # In threads: closing the last connection copies the write-ahead log into the file, which takes time.
        await asyncio.to_thread(self._writer.dispose)
        await asyncio.to_thread(self._reader.dispose)


def _engine(file: SqliteFile, connections: int, pragmas: tuple[str, ...], **options: object) -> Engine:
    engine = create_engine(
        "sqlite://",
        creator=lambda: file.connect(*pragmas),
        poolclass=QueuePool,
        pool_size=connections,
        max_overflow=0,
        hide_parameters=True,  # errors are logged, and parameters may be secret
        json_serializer=json_text,
        **options,
    )
    event.listen(engine, "checkout", file.require_or_reconnect)
    return engine


def _begin_immediate(connection: Connection, *, patience_s: float) -> None:
    """Take the write lock before any read, so that nothing that was read can change before the write."""
    # With a long busy_timeout SQLite's own retries have pauses of up to 100 ms, and between two busy processes one may
    # find the lock taken each time. With busy_timeout=10 we retry every few milliseconds, which keeps the waits short.
    deadline = time.monotonic() + patience_s
    while True:
        try:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        except OperationalError as error:
            if not _is_busy(error) or time.monotonic() >= deadline:
                raise
        else:
            return


def _is_busy(error: OperationalError) -> bool:
    return isinstance(error.orig, sqlite3.Error) and error.orig.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY


def _raw(connection: Connection) -> FileConnection:
    return cast("FileConnection", connection.connection.dbapi_connection)
