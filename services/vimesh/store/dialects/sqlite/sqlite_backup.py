"""Copies a SQLite file while others write to it, and puts a copy in its place once nobody uses it."""

from __future__ import annotations

import errno
import fcntl
import os
import sqlite3
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager, nullcontext
from pathlib import Path
from typing import Final

from vimesh.store.dialects.backup_errors import BackupRefused
from vimesh.store.dialects.embedded_dialect import ShowProgress
from vimesh.store.dialects.new_files import put_in_place, scratch_file
from vimesh.store.dialects.sqlite.sqlite_file import SqliteFile

_PAGES: Final = 1000
"""Pages to copy between two signs of progress: about 4 MB, and about a hundredth of a second."""
_PENDING_BYTE: Final = 0x40000000
_SHARED_FIRST: Final = _PENDING_BYTE + 2
_SHARED_SIZE: Final = 510
"""The bytes that SQLite locks: see "lock-byte page" in its file format. Each connection holds a lock on the shared ones
for as long as it is open in WAL mode, also if it has nothing to do."""


def back_up(file: SqliteFile, target: Path, show: ShowProgress) -> None:
    """Copy the file, as it is at one moment, into an empty one. Raises BackupRefused, OSError, sqlite3.Error."""
    with closing(file.connect("query_only=ON")) as source:
        # Without a transaction that is open all the time, the copy would start again after each commit of others.
        source.execute("BEGIN")
        source.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        _copy_into(source, target, show)
        file.require(source)


def restore(file: SqliteFile, source: Path, prepare: Callable[[Path], object], show: ShowProgress) -> Path | None:
    """Put a copy of a backup in the place of the file; see EmbeddedDatabase."""
    path = file.path
    if path.exists() and path.samefile(source):
        raise BackupRefused(f"{source} is the database itself")
    with scratch_file(path) as scratch, _unused(path) if path.exists() else nullcontext():
        _read_backup(source, scratch, show)
        prepare(scratch)
        return _replace(path, scratch)


def _copy_into(source: sqlite3.Connection, target: Path, show: ShowProgress) -> None:
    """Copy a database into an empty file, and check the copy. Raises BackupRefused, sqlite3.Error."""
    with closing(sqlite3.connect(target, isolation_level=None)) as made:
        # Nobody needs the copy if it is not complete.
        made.execute("PRAGMA synchronous=OFF")
        source.backup(made, pages=_PAGES, progress=lambda _, left, total: show(total - left, total))
        # Otherwise it would need two more files as soon as it is opened.
        made.execute("PRAGMA journal_mode=DELETE").fetchall()
        [[found], *_] = made.execute("PRAGMA integrity_check(1)").fetchall()
    if found != "ok":
        raise BackupRefused(
            f"the copy is damaged: {found}", "the database is damaged itself: see docs/operating/backup.md"
        )


def _read_backup(source: Path, target: Path, show: ShowProgress) -> None:
    """Copy a backup into an empty file, and check it. Raises BackupRefused, OSError."""
    try:
        with closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True)) as backup:
            _copy_into(backup, target, show)
    except sqlite3.DatabaseError as error:
        raise BackupRefused(f"{source} is no backup of SQLite, or is damaged: {error}") from error


@contextmanager
def _unused(path: Path) -> Generator[None]:
    """Lock out all others from a file as long as the block runs. Raises BackupRefused if any has it open, OSError."""
    # This process must not have the file open otherwise: closing it would end the lock.
    descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        for size, begin in ((1, _PENDING_BYTE), (_SHARED_SIZE, _SHARED_FIRST)):
            try:
                fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, size, begin)
            except OSError as error:
                if error.errno not in {errno.EACCES, errno.EAGAIN}:
                    raise
                raise BackupRefused(
                    f"{path} is in use, and nothing was changed", "stop the conductors and whatever else has it open"
                ) from error
        yield
    finally:
        os.close(descriptor)


def _replace(path: Path, scratch: Path) -> Path | None:
    """Put a file in the place of a database that nobody uses; return where the previous one is, if there was one.

    For a moment there is no database at the path, but never one with the write-ahead log of another.
    """
    previous = _free_name(path)
    existed = path.exists()
    if existed:
        owner = path.stat()
        scratch.chmod(owner.st_mode & 0o777)
        if (owner.st_uid, owner.st_gid) != (os.geteuid(), os.getegid()):
            os.chown(scratch, owner.st_uid, owner.st_gid)
        path.rename(previous)
    # The newest changes may be in the log only; SQLite finds it by the name of the file.
    log = _beside(path, "-wal")
    if log.exists():
        log.rename(_beside(previous, "-wal"))
    _beside(path, "-shm").unlink(missing_ok=True)
    put_in_place(scratch, path, overwrite=False)
    return previous if existed else None


def _free_name(path: Path) -> Path:
    number = 1
    while (name := _beside(path, f".before-restore-{number}")).exists():
        number += 1
    return name


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)
