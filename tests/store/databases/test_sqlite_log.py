"""The write-ahead log stays short although there is always somebody who reads."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from vimesh.store.dialects.sqlite.sqlite_log import WriteAheadLog

_LIMIT_BYTES = 1024 * 1024
_ROWS = 100
_PATIENCE_S_PER_BYTE = 1 / _LIMIT_BYTES
"""A log as short as this one would be worth a millisecond, and a busy machine needs longer to wake a reader up."""


def connect(file: Path) -> sqlite3.Connection:
    return sqlite3.connect(file, isolation_level=None, check_same_thread=False, timeout=10)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "vimesh.sqlite"
    connection = connect(made)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("CREATE TABLE things (thing BLOB)")
    connection.close()
    return made


@contextmanager
def always_read(file: Path) -> Generator[None]:
    """Let two read by turns, from the first moment on: each goes on until the other one has begun."""
    ended = threading.Event()
    reading = threading.Event()
    begun = (threading.Semaphore(0), threading.Semaphore(0))

    def read(mine: int) -> None:
        connection = connect(file)
        if mine:
            begun[0].acquire(timeout=10)
        while not ended.is_set():
            connection.execute("BEGIN")
            connection.execute("SELECT count(*) FROM things").fetchall()
            reading.set()
            begun[mine].release()
            begun[1 - mine].acquire(timeout=10)
            connection.execute("COMMIT")
        begun[mine].release()
        connection.close()

    threads = [threading.Thread(target=read, args=(mine,)) for mine in (0, 1)]
    for thread in threads:
        thread.start()
    try:
        assert reading.wait(timeout=10)
        yield
    finally:
        ended.set()
        for thread in threads:
            thread.join()


class TwoReaders:
    """Read by turns: at each moment one reads what was written before its own turn, so the log is never free."""

    def __init__(self, file: Path) -> None:
        self._reading, self._resting = connect(file), connect(file)
        self._begin(self._reading)

    def take_turns(self) -> None:
        self._begin(self._resting)
        self._reading.execute("COMMIT")
        self._reading, self._resting = self._resting, self._reading

    def close(self) -> None:
        self._reading.close()
        self._resting.close()

    @staticmethod
    def _begin(connection: sqlite3.Connection) -> None:
        connection.execute("BEGIN")
        connection.execute("SELECT count(*) FROM things").fetchall()


def longest(file: Path, log: WriteAheadLog | None, after_each: Callable[[], None] = lambda: None) -> int:
    """Write ten times the limit; return how long the log was at most."""
    writer = connect(file)
    writer.execute("PRAGMA wal_autocheckpoint=50")
    writer.execute(f"PRAGMA journal_size_limit={_LIMIT_BYTES // 2}")
    most = 0
    for _ in range(_ROWS):
        writer.execute("INSERT INTO things VALUES (zeroblob(?))", (_LIMIT_BYTES // 10,))
        most = max(most, Path(f"{file}-wal").stat().st_size)
        if log:
            log.bound(writer)
        after_each()
    assert writer.execute("PRAGMA busy_timeout").fetchone() == (10_000,)
    writer.close()
    return most


def test_without_a_bound_the_log_grows_as_long_as_readers_overlap(file: Path) -> None:
    readers = TwoReaders(file)

    assert longest(file, None, readers.take_turns) > 9 * _LIMIT_BYTES

    readers.close()


def test_readers_that_overlap_do_not_let_the_log_grow(file: Path) -> None:
    with always_read(file):
        log = WriteAheadLog(file, limit_bytes=_LIMIT_BYTES, patience_s_per_byte=_PATIENCE_S_PER_BYTE)
        assert longest(file, log) < 4 * _LIMIT_BYTES


def test_a_reader_that_does_not_end_keeps_no_writer_waiting_for_long(file: Path) -> None:
    reader = connect(file)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM things").fetchall()

    assert longest(file, WriteAheadLog(file, limit_bytes=_LIMIT_BYTES)) > 8 * _LIMIT_BYTES

    reader.close()
    assert longest(file, WriteAheadLog(file, limit_bytes=_LIMIT_BYTES)) < 2 * _LIMIT_BYTES
