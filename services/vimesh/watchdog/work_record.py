"""Records what a process works on. Others can read it even if the process does not answer, or is gone."""

from __future__ import annotations

import fcntl
import mmap
import os
import struct
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import structlog

_log = structlog.get_logger()

PATH_VARIABLE = "VIMESH_WORK_RECORD"
_FOLDER_VARIABLES = ("STATE_DIRECTORY", "RUNTIME_DIRECTORY")
"""Set by systemd. The first is preferred: a restart may remove the files in a runtime directory."""

SIZE_BYTES = 256
MAX_TEXT_BYTES = SIZE_BYTES - 8
_LAYOUT = struct.Struct(f"=d{MAX_TEXT_BYTES}s")
"""When the work started (0: there is none), and what it is."""


@dataclass(frozen=True, slots=True)
class Work:
    """A piece of work that has started and not ended."""

    text: str
    """The id of a VIM, or a method."""
    began_at: float
    """Start time, by the machine's monotonic clock."""


class WorkRecord:
    """Written before each piece of work and cleared after it. Each costs some 0.1 us, without a system call.

    The kernel keeps the pages of a mapped file: whatever happens to the process, its last write survives.
    """

    def __init__(self, buffer: mmap.mmap | bytearray) -> None:
        self._view = memoryview(buffer)
        self._began = self._view[:8].cast("d")
        self.begin: Callable[[float, bytes], None] = partial(_LAYOUT.pack_into, buffer, 0)
        """Takes the time, and the work that starts then. Text longer than MAX_TEXT_BYTES is cut."""

    def clear(self) -> None:
        """Record that there is no work."""
        self._began[0] = 0.0

    def close(self) -> None:
        self.clear()
        self._began.release()
        self._view.release()


def private_record() -> WorkRecord:
    """Return a record that only this process can read."""
    return WorkRecord(bytearray(SIZE_BYTES))


def read_work(path: Path) -> Work | None:
    """Return the work in a record, of a process that may be gone; None if there is none, or it is unknown."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    if len(content) < SIZE_BYTES:
        return None
    began_at, raw = _LAYOUT.unpack_from(content)
    text = raw.rstrip(b"\0").decode(errors="replace")
    return Work(text, began_at) if began_at > 0 and text.isprintable() and text else None


def record_path(environment: Mapping[str, str], name: str) -> Path | None:
    """Return the path of the record of the process called `name`; None if there is no place for it."""
    if path := environment.get(PATH_VARIABLE):
        return Path(path)
    for variable in _FOLDER_VARIABLES:
        if folder := environment.get(variable, "").partition(":")[0]:
            return Path(folder) / f"{name}.work"
    return None


@dataclass(frozen=True, slots=True)
class OpenRecord:
    record: WorkRecord
    path: Path | None
    """None if the record is lost with the process."""
    unfinished: Work | None
    """What the previous process was working on when it ended."""


@contextmanager
def open_record(path: Path | None) -> Generator[OpenRecord]:
    """Yield the record at the path. If it cannot be opened, log a warning and yield one that is not kept."""
    descriptor = None if path is None else _open(path)
    if path is None or descriptor is None:
        yield OpenRecord(private_record(), None, None)
        return
    try:
        unfinished = read_work(path)
        os.ftruncate(descriptor, SIZE_BYTES)
        with mmap.mmap(descriptor, SIZE_BYTES) as mapped:
            record = WorkRecord(mapped)
            record.clear()
            try:
                yield OpenRecord(record, path, unfinished)
            finally:
                record.close()
    finally:
        os.close(descriptor)


def _open(path: Path) -> int | None:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        _log.warning("no record of work is kept", path=str(path), why=error.strerror)
        return None
    try:
        # Two processes that share a file would blame each other's VIMs.
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        _log.warning("no record of work is kept: another process has it", path=str(path), why=error.strerror)
        return None
    return descriptor
