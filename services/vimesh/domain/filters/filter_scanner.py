"""Cuts the text of a filter into its parts. Which part may come next depends on what came before: the parser asks."""

from __future__ import annotations

import re

from vimesh.domain.errors import FilterInvalid
from vimesh.domain.filters.filter_terms import Operator

_SPACE = re.compile(r"\s*")
_NAME = re.compile(r"""[^\s"=!<>:()]+""")
_OPERATOR = re.compile(r"!=|<=|>=|[=<>:]")
# An unterminated quote consumes the rest of the text, so that none of it is scanned twice.
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*+)(")?', re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_BARE = re.compile(r"""[^\s"=!]+""")
_EXCERPT = 30


class FilterScanner:
    """A place in the text, which only moves forward."""

    def __init__(self, text: str) -> None:
        self._text = text
        self.position = 0
        self.skip_space()

    @property
    def at_end(self) -> bool:
        return self.position == len(self._text)

    def skip_space(self) -> None:
        self.position = self._end_of(_SPACE)

    def take(self, character: str) -> bool:
        """Move past this character, and the space after it, if it comes next."""
        if not self._text.startswith(character, self.position):
            return False
        self.position += len(character)
        self.skip_space()
        return True

    def take_keyword(self, keyword: str) -> bool:
        """Move past this word, if it is the whole next word."""
        if self._text[self.position : self._end_of(_NAME)] != keyword:
            return False
        return self.take(keyword)

    def take_name(self) -> str:
        """Return the name of a field; empty if none comes next."""
        start, self.position = self.position, self._end_of(_NAME)
        name = self._text[start : self.position]
        self.skip_space()
        return name

    def take_operator(self) -> Operator | None:
        found = _OPERATOR.match(self._text, self.position)
        if found is None:
            return None
        self.position = found.end()
        self.skip_space()
        return Operator(found[0])

    def take_value(self, *, in_group: bool) -> str | None:
        """Return a quoted or a bare value. In a group, a parenthesis that the value has not opened ends it."""
        start = self.position
        if found := _QUOTED.match(self._text, start):
            if not found[2]:
                raise self.error("the quote is never closed", start)
            self.position = found.end()
            self.skip_space()
            return _ESCAPED.sub(r"\1", found[1])
        if not (found := _BARE.match(self._text, start)):
            return None
        value = _until_unopened(found[0]) if in_group else found[0]
        self.position += len(value)
        self.skip_space()
        return value or None

    def error(self, description: str, position: int | None = None) -> FilterInvalid:
        """Return an error that points at a position: where the scanner is, if none is given."""
        return FilterInvalid(description, self.position if position is None else position)

    def excerpt(self) -> str:
        """Return the start of what is left, as an error message quotes it; `the end` if that is nothing."""
        rest = self._text[self.position : self.position + _EXCERPT + 1]
        return repr(rest if len(rest) <= _EXCERPT else rest[:_EXCERPT] + "...") if rest else "the end"

    def _end_of(self, pattern: re.Pattern[str]) -> int:
        found = pattern.match(self._text, self.position)
        return self.position if found is None else found.end()


def _until_unopened(value: str) -> str:
    """Return the value up to the first parenthesis that closes none of its own."""
    depth = 0
    for index, character in enumerate(value):
        depth += {"(": 1, ")": -1}.get(character, 0)
        if depth < 0:
            return value[:index]
    return value
