"""Parses a JSON text of any length through a window that is large enough for any VIM."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Callable

from vimesh.files.entry_stream import EntryStream
from vimesh.files.file_errors import BadFile
from vimesh.files.file_limits import MAX_ENTRY_BYTES
from vimesh.files.json_values import explained, read_json_at

Match = Callable[[str, int], re.Match[str] | None]
"""Matches a pattern at a position in a text."""

_AHEAD = MAX_ENTRY_BYTES + 1
"""Minimum number of characters after the current position, unless the text ends earlier."""
_CHUNK_BYTES = 1024 * 1024
_BLANK = re.compile(r"\s*").match
_CUT = "Unterminated string"


class Window:
    """Raises BadFile with the line number in the whole text."""

    def __init__(self, stream: EntryStream) -> None:
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")()
        self._text = ""
        self._place = 0
        self._complete = False
        self._first_line = 1
        self._first_column = 0
        """With `_first_line`: where the kept text starts in the whole text."""
        self._counted = 0
        self._newlines = 0
        """Number of newlines before `_counted` in the kept text."""

    @property
    def line(self) -> int:
        self._newlines += self._text.count("\n", self._counted, self._place)
        self._counted = self._place
        return self._first_line + self._newlines

    def blank(self) -> bool:
        """Skip white space. Return whether the end of the text is reached."""
        while True:
            self._fill()
            self._skip(_BLANK)
            if self._place < len(self._text) or self._complete:
                return self._place == len(self._text)

    def accept(self, match: Match) -> re.Match[str] | None:
        """Skip white space and what matches; return that, or None if it does not."""
        self.blank()
        return self._skip(match)

    def expect(self, match: Match, words: str) -> re.Match[str]:
        found = self.accept(match)
        if found is None:
            raise self.wrong(words)
        return found

    def value(self) -> tuple[int, object]:
        """Return the line on which the next value starts, and the value."""
        self.blank()
        line = self.line
        try:
            content, self._place = read_json_at(self._text, self._place)
        except json.JSONDecodeError as error:
            if not self._complete and (error.msg.startswith(_CUT) or error.pos >= self._place + MAX_ENTRY_BYTES):
                raise BadFile(f"is longer than {MAX_ENTRY_BYTES} bytes", line) from None
            raise self._explained(error) from None
        return line, content

    def wrong(self, words: str) -> BadFile:
        return self._explained(json.JSONDecodeError(words, self._text, self._place))

    def _explained(self, error: json.JSONDecodeError) -> BadFile:
        column = error.colno + (self._first_column if error.lineno == 1 else 0)
        return explained(error.msg, self._first_line + error.lineno - 1, column)

    def _skip(self, match: Match) -> re.Match[str] | None:
        found = match(self._text, self._place)
        if found is not None:
            self._place = found.end()
        return found

    def _fill(self) -> None:
        if self._complete or len(self._text) - self._place >= _AHEAD:
            return
        self._drop()
        parts = [self._text]
        size = len(self._text)
        while size < 2 * _AHEAD and not self._complete:
            parts.append(self._part())
            size += len(parts[-1])
        self._text = "".join(parts)

    def _drop(self) -> None:
        """Drop the text before the current position."""
        self._first_line = self.line
        begin = self._text.rfind("\n", 0, self._place) + 1
        self._first_column = self._place - begin + (0 if begin else self._first_column)
        self._text = self._text[self._place :]
        self._place = self._counted = self._newlines = 0

    def _part(self) -> str:
        self._stream.begin_entry()
        part = self._stream.read(_CHUNK_BYTES)
        if not part:
            self._stream.check()
            self._complete = True
        try:
            return self._decoder.decode(part, final=self._complete)
        except UnicodeDecodeError as error:
            before = self._text.count("\n") + bytes(error.object[: error.start]).count(b"\n")
            raise BadFile("is not UTF-8 text", self._first_line + before) from None
