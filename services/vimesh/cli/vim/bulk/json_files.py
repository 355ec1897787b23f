"""VIMs as one JSON text: a list of them, or an object whose `vims` is that list."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import BinaryIO

from vimesh.cli.vim.bulk.entries import Entry, Flaw, entry_of

_BEGIN = re.compile(r'\s*(?:\[|(?P<named>\{\s*"vims"\s*:\s*\[))(?P<empty>\s*\])?\s*')
_NEXT = re.compile(r"\s*(?P<mark>[,\]])\s*")
_CLOSE = re.compile(r"\s*\}\s*")


def entries(file: BinaryIO) -> Iterator[Entry | Flaw]:
    """Keep the text in memory, and one decoded VIM at a time. What comes after a slip cannot be told apart any more."""
    try:
        text = _Text(file.read().decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        yield Flaw(error.object[: error.start].count(b"\n") + 1, "is not UTF-8 text")
        return
    if text.blank:
        return
    try:
        yield from text.entries()
    except json.JSONDecodeError as error:
        yield Flaw(error.lineno, f"is not JSON: {error.msg} at character {error.colno}")
    except RecursionError:
        yield Flaw(text.line, "is nested too deep")
    except ValueError:
        yield Flaw(text.line, "holds a number with too many digits")


class _Text:
    def __init__(self, text: str) -> None:
        self._text = text
        self._place = 0
        self._counted = 0
        self.line = 1

    @property
    def blank(self) -> bool:
        return not self._text.strip()

    def entries(self) -> Iterator[Entry | Flaw]:
        """Raises JSONDecodeError."""
        decoder = json.JSONDecoder()
        begin = self._expect(_BEGIN, 'expecting a list of VIMs, or {"vims": [...]}')
        mark = "]" if begin["empty"] else ","
        while mark == ",":
            self._count()
            content, self._place = decoder.raw_decode(self._text, self._place)
            yield entry_of(self.line, content)
            mark = self._expect(_NEXT, "expecting ',' or ']'")["mark"]
        if begin["named"]:
            self._expect(_CLOSE, "expecting '}', and nothing beside vims")
        if self._text[self._place :].strip():
            raise json.JSONDecodeError("expecting the end of the file", self._text, self._place)

    def _expect(self, pattern: re.Pattern[str], words: str) -> re.Match[str]:
        found = pattern.match(self._text, self._place)
        if found is None:
            place = len(self._text) - len(self._text[self._place :].lstrip())
            raise json.JSONDecodeError(words, self._text, place)
        self._place = found.end()
        return found

    def _count(self) -> None:
        self.line += self._text.count("\n", self._counted, self._place)
        self._counted = self._place
