"""Reads the lines of a stream, with their numbers. Skips the rest of a line that is too long, to read the others."""

from __future__ import annotations

from dataclasses import dataclass

from vimesh.files.entry_stream import EntryStream, too_long
from vimesh.files.file_errors import BadFile
from vimesh.files.file_limits import MAX_ENTRY_BYTES, MAX_LINES


@dataclass(frozen=True, slots=True)
class Line:
    number: int
    """Counted from 1."""
    content: bytes

    def text(self) -> str:
        """Decode the line. Raises BadFile if it is too long or not UTF-8."""
        if len(self.content) > MAX_ENTRY_BYTES:
            raise too_long(self.number)
        try:
            return self.content.decode("utf-8-sig")
        except UnicodeDecodeError:
            raise BadFile("is not UTF-8 text", self.number) from None


class Lines:
    def __init__(self, stream: EntryStream) -> None:
        self._stream = stream
        self.number = 0
        """The number of the last line."""
        self._skips = False

    def next(self) -> Line | None:
        """Return the next line; None at the end of the stream. Raises BadFile if the stream is too large."""
        while self._skips:
            self._stream.begin_entry()
            rest = self._stream.line()
            self._skips = bool(rest) and not rest.endswith(b"\n")
        content = self._stream.line()
        self.number += 1
        if self.number > MAX_LINES:
            raise BadFile(f"the file has more than {MAX_LINES} lines", self.number)
        self._skips = len(content) > MAX_ENTRY_BYTES and not content.endswith(b"\n")
        return Line(self.number, content) if content else None
