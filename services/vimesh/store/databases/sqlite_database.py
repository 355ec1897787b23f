"""Transactions on a SQLite file that several processes share.

A transaction runs whole in a thread of its own: one change of threads for each, where an asynchronous driver needs
several for every statement.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Never, TypeVar, cast

from sqlalchemy import Connection, Engine, QueuePool, create_engine, event
from sqlalchemy.exc import OperationalError

from vimesh.store.databases.queued_database import BROWSERS, READERS
from vimesh.store.databases.sqlite_file import FileConnection, SqliteFile
from vimesh.store.databases.sqlite_log import WriteAheadLog
from vimesh.store.transactions.database import Work

T = TypeVar("T")

_LOOK_EVERY = 20_000
"""Instructions of SQLite's machine from one look for a caller that is gone to the next: about a millisecond."""
# FULL: an answered report is on the disk (G2). secure_delete: credentials of a deregistered VIM are overwritten.
# busy_timeout: see _begin_immediate. cache_size, in KiB: the indexes of 100,000 VIMs fit in. wal_autocheckpoint, in
# pages: what is changed again and again is copied into the file once, and the log has 32 MiB; after a flood of changes
# it may have become longer, and is cut again (journal_size_limit).
_WRITER_PRAGMAS = (
    *("journal_mode=WAL", "synchronous=FULL", "secure_delete=ON", "busy_timeout=10"),
    *("cache_size=-16000", "wal_autocheckpoint=8000", "journal_size_limit=67108864"),
)
_READER_PRAGMAS = ("query_only=ON",)


class SqliteTransactions:
    """Implements Transactions."""

    def __init__(self, file: SqliteFile) -> None:
        self._file = file
        self._log = WriteAheadLog(file.path)
        self._writer = _engine(file, 1, _WRITER_PRAGMAS)
        event.listen(self._writer, "begin", partial(_begin_immediate, patience_s=file.lock_timeout_s))
        # A single statement needs no BEGIN to see one state.
        self._reader = _engine(file, READERS + BROWSERS, _READER_PRAGMAS, isolation_level="AUTOCOMMIT")
        # One for each that may run at a time: none waits for another.
        self._threads = ThreadPoolExecutor(1 + READERS + BROWSERS, "sqlite")

    def read(self, work: Work[T]) -> asyncio.Future[T]:
        return self._thread(self._read, work)

    def browse(self, work: Work[T]) -> tuple[asyncio.Future[T], Callable[[], object]]:
        gone = threading.Event()
        return self._thread(self._browse, work, gone), gone.set

    def write(self, work: Work[T]) -> asyncio.Future[T]:
        return self._thread(self._write, work)

    def _thread(self, call: Callable[..., T], *arguments: object) -> asyncio.Future[T]:
        return asyncio.get_running_loop().run_in_executor(self._threads, call, *arguments)

    def _read(self, work: Work[T]) -> T:
        with self._reader.connect() as connection:
            result = work(connection)
            self._file.require(_raw(connection))
            return result

    def _browse(self, work: Work[T], gone: threading.Event) -> T:
        def watched(connection: Connection) -> T:
            # Asked by the thread itself: an interrupt from outside might hit what the connection is used for next.
            _raw(connection).set_progress_handler(gone.is_set, _LOOK_EVERY)
            try:
                return work(connection)
            finally:
                _raw(connection).set_progress_handler(None, 0)

        return self._read(watched)

    def _write(self, work: Work[T]) -> T:
        with self._writer.connect() as connection:
            with connection.begin():
                result = work(connection)
            # Only now is it sure that the commit went to where others will look for it.
            self._file.require(_raw(connection))
            self._log.bound(_raw(connection))
            return result

    def require_writable(self) -> asyncio.Future[object]:
        # Whether a file takes writes only a write can tell: that comes when one has failed.
        return self.read(lambda connection: connection.exec_driver_sql("SELECT 1").scalar_one())

    async def hear_commits(self, heard: Callable[[], None]) -> Never:  # noqa: ARG002 - nobody tells
        while True:
            await asyncio.Event().wait()

    async def close(self) -> None:
        self._threads.shutdown()
        # Closing the last connection copies the write-ahead log into the file, which takes its time.
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
        **options,
    )
    event.listen(engine, "checkout", file.require_or_reconnect)
    return engine


def _begin_immediate(connection: Connection, *, patience_s: float) -> None:
    """Take the write lock before anything is read, so that what is read cannot change before it is written."""
    # SQLite asks again after pauses that grow to 100 ms. Between two busy processes that is when one of them
    # always finds the lock taken: asking anew every few milliseconds keeps the waits short.
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
