"""Reads files that should be small, even if a device, a pipe or a folder is in their place."""

from __future__ import annotations

import os
import select
import stat
import time
from pathlib import Path

from vimesh.files.file_errors import BadFile

_CHUNK_BYTES = 64 * 1024
_PATIENCE_S = 60.0
"""How long a pipe may take to end: `--config-file <(command)` may take a moment."""


def read_whole(path: Path, max_bytes: int) -> bytes:
    """Read a whole file. Raises OSError, and BadFile if it is too large, does not end, or changes during the read."""
    try:
        # Without O_NONBLOCK, opening a named pipe that has no writer would block.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except ValueError:
        raise BadFile("is not a file path") from None
    try:
        before = os.fstat(descriptor)
        content = _read(descriptor, max_bytes, waits=not stat.S_ISREG(before.st_mode))
        require_unchanged(before, os.fstat(descriptor))
    finally:
        os.close(descriptor)
    return content


def read_text(path: Path, max_bytes: int) -> str:
    """Read a whole file as UTF-8 text. Raises OSError, BadFile."""
    content = read_whole(path, max_bytes)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadFile("is not UTF-8 text", content.count(b"\n", 0, error.start) + 1) from None


def require_unchanged(before: os.stat_result, after: os.stat_result) -> None:
    """Raise BadFile if a file was written while it was read: its content may be half old and half new."""
    if not stat.S_ISREG(before.st_mode):
        return
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise BadFile("changed while it was being read; try again")


def _read(descriptor: int, max_bytes: int, *, waits: bool) -> bytes:
    parts: list[bytes] = []
    left = max_bytes + 1
    deadline = time.monotonic() + _PATIENCE_S
    while left > 0:
        if waits:
            _wait(descriptor, deadline)
        part = os.read(descriptor, min(_CHUNK_BYTES, left))
        if not part:
            return b"".join(parts)
        parts.append(part)
        left -= len(part)
    raise BadFile(f"is larger than {max_bytes} bytes")


def _wait(descriptor: int, deadline: float) -> None:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    left_s = deadline - time.monotonic()
    if left_s <= 0 or not poll.poll(left_s * 1000):
        raise BadFile(f"did not end within {_PATIENCE_S:g} s")
