"""A stream of entries that ends early if one entry, or all together, become too large: a pipe may never end."""

from __future__ import annotations

from typing import BinaryIO

from vimesh.files.file_errors import BadFile
from vimesh.files.file_limits import MAX_ENTRY_BYTES, MAX_FILE_BYTES

_AHEAD_BYTES = 256 * 1024
"""How far a parser may read ahead of the entry that it is about to return."""


class EntryStream:
    """Ends early instead of raising: parsers in C cannot pass on an exception from their input. `check` raises it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._entry_left = MAX_ENTRY_BYTES + _AHEAD_BYTES
        self._left = MAX_FILE_BYTES + 1
        self._last = b""
        self._offset = 0
        self._newlines = 0
        """Newlines read before the last part, as `_offset` counts the bytes."""

    def read(self, size: int) -> bytes:
        allowed = min(size, self._entry_left, self._left)
        self._offset += len(self._last)
        self._newlines += self._last.count(b"\n")
        self._last = self._file.read(allowed) if allowed > 0 else b""
        self._spend(len(self._last))
        return self._last

    def line_at(self, offset: int) -> int:
        """Return the line of a byte in the last part that was read; for an earlier byte, that part's first line."""
        return self._newlines + self._last.count(b"\n", 0, max(0, offset - self._offset)) + 1

    def line(self) -> bytes:
        """Return the next line, cut one byte above the limit of an entry; empty at the end. Raises BadFile."""
        part = self._file.readline(MAX_ENTRY_BYTES + 1)
        self._spend(len(part))
        self.check()
        return part

    def begin_entry(self) -> None:
        """Start a new entry, with its own limit. Raises BadFile if the last one was cut."""
        self.check()
        self._entry_left = MAX_ENTRY_BYTES + _AHEAD_BYTES

    def check(self, line: int | None = None) -> None:
        """Raise BadFile if the stream was ended early. `line`: where that happened."""
        if self._left <= 0:
            raise BadFile(f"the file is larger than {MAX_FILE_BYTES} bytes", line)
        if self._entry_left <= 0:
            raise too_long(line)

    def _spend(self, size: int) -> None:
        self._entry_left -= size
        self._left -= size


def too_long(line: int | None = None) -> BadFile:
    return BadFile(f"is longer than {MAX_ENTRY_BYTES} bytes", line)
