"""Splits a shell script into words and operators. Nothing is expanded: what only a shell can tell is marked as that."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum, auto

from vimesh.files.file_errors import BadFile


class PartKind(Enum):
    LITERAL = auto()
    REFERENCE = auto()
    """A variable: its name."""
    OPAQUE = auto()
    """Only a shell can tell: why, as in `runs a command`."""


@dataclass(frozen=True, slots=True)
class WordPart:
    kind: PartKind
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Word:
    line: int
    parts: tuple[WordPart, ...]
    bare: str = ""
    """The word as it is written, if it is one without quotes and expansions: a keyword, a command, a flag."""


@dataclass(frozen=True, slots=True)
class ShellOperator:
    line: int
    text: str
    """A line end is `;`."""


_BLANKS = re.compile(r"(?:[ \t\r]|\\\r?\n)+")
_COMMENT = re.compile(r"#[^\n]*")
_OPERATOR = re.compile(r"&&|\|\||;;|<<|[;&|()<>\n]")
_PLAIN = re.compile(r"[^\s;&|()<>'\"\\$`]+")
_SINGLE = re.compile(r"'([^']*)'")
_DOUBLE = re.compile(r'[^"\\$`]+')
_REFERENCE = re.compile(r"\$(?:([A-Za-z_]\w*)|\{([A-Za-z_]\w*)\})", re.ASCII)
_BRACED = re.compile(r"\$\{[^}\n]*\}")
_BACKTICKS = re.compile(r"`[^`]*`")
_SPECIAL = re.compile(r"\$[0-9@*#?!$-]")
_PARENTHESIS = re.compile(r"[()'\"\\]")
_QUOTED_ESCAPES = '"\\$`'


def tokens(text: str) -> Iterator[Word | ShellOperator]:
    """Yield the words and operators of a script. Raises BadFile if a quote or a bracket never ends."""
    return _Scanner(text.replace("\r\n", "\n")).tokens()


class _Scanner:
    def __init__(self, text: str) -> None:
        self._text = text
        self._place = 0
        self._line = 1

    def tokens(self) -> Iterator[Word | ShellOperator]:
        while True:
            self._take(_BLANKS)
            self._take(_COMMENT)
            if self._place == len(self._text):
                return
            line = self._line
            if (operator := self._take(_OPERATOR)) is not None:
                yield ShellOperator(line, ";" if operator[0] == "\n" else operator[0])
            else:
                yield self._word(line)

    def _word(self, line: int) -> Word:
        parts: list[WordPart] = []
        begin = self._place
        bare = True
        while self._place < len(self._text):
            if (plain := self._take(_PLAIN)) is not None:
                parts.append(WordPart(PartKind.LITERAL, plain[0]))
                continue
            mark = self._text[self._place]
            if mark not in "'\"\\$`":
                break
            bare = False
            parts.extend(self._marked(mark))
        return Word(line, tuple(parts), self._text[begin : self._place] if bare else "")

    def _marked(self, mark: str) -> list[WordPart]:
        if mark == "'":
            return [WordPart(PartKind.LITERAL, self._need(_SINGLE)[1])]
        if mark == '"':
            return self._double()
        if mark == "\\":
            return [WordPart(PartKind.LITERAL, self._escaped())]
        return [self._expansion(quoted=False)]

    def _double(self) -> list[WordPart]:
        begin = self._line
        self._place += 1
        parts = [WordPart(PartKind.LITERAL, "")]
        while self._place < len(self._text):
            mark = self._text[self._place]
            if mark == '"':
                self._place += 1
                return parts
            if mark == "\\":
                follows = self._text[self._place + 1 : self._place + 2]
                escaped = self._escaped()
                keeps = follows not in _QUOTED_ESCAPES and follows != "\n"
                parts.append(WordPart(PartKind.LITERAL, f"\\{escaped}" if keeps else escaped))
            elif (plain := self._take(_DOUBLE)) is not None:
                parts.append(WordPart(PartKind.LITERAL, plain[0]))
            else:
                parts.append(self._expansion(quoted=True))
        raise BadFile("has a quote that never ends", begin)

    def _escaped(self) -> str:
        """Take a backslash and what follows; return that, or nothing for a line that goes on."""
        follows = self._text[self._place + 1 : self._place + 2]
        self._place += 1 + len(follows)
        self._line += follows == "\n"
        return "" if follows == "\n" else follows

    def _expansion(self, *, quoted: bool) -> WordPart:
        rest = self._text[self._place : self._place + 2]
        if (reference := self._take(_REFERENCE)) is not None:
            return WordPart(PartKind.REFERENCE, reference[1] or reference[2])
        if rest == "$(" or rest[0] == "`":
            if rest[0] == "`":
                self._need(_BACKTICKS)
            else:
                self._parentheses()
            return WordPart(PartKind.OPAQUE, "runs a command")
        if rest in {"$'", '$"'} and not quoted:
            self._place += 1
            return WordPart(PartKind.OPAQUE, "has a quote of bash that starts with $")
        if rest == "${" or self._take(_SPECIAL) is not None:
            if rest == "${":
                self._need(_BRACED)
            return WordPart(PartKind.OPAQUE, "has an expansion of the shell")
        self._place += 1
        return WordPart(PartKind.LITERAL, "$")

    def _parentheses(self) -> None:
        begin, depth = self._line, 0
        while (found := _PARENTHESIS.search(self._text, self._place)) is not None:
            self._move(found.start())
            mark = found[0]
            if mark == "\\":
                self._escaped()
            elif mark == "'":
                self._need(_SINGLE)
            elif mark == '"':
                self._skip_double()
            else:
                self._place += 1
                depth += 1 if mark == "(" else -1
                if depth == 0:
                    return
        raise BadFile("has a bracket that never ends", begin)

    def _skip_double(self) -> None:
        # Expansions in it may nest without end: only its own end matters here.
        begin = self._line
        self._place += 1
        while self._place < len(self._text):
            mark = self._text[self._place]
            if mark == "\\":
                self._escaped()
            elif mark == '"':
                self._place += 1
                return
            else:
                self._move(self._place + 1)
        raise BadFile("has a quote that never ends", begin)

    def _take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        found = pattern.match(self._text, self._place)
        if found is not None:
            self._move(found.end())
        return found

    def _need(self, pattern: re.Pattern[str]) -> re.Match[str]:
        found = self._take(pattern)
        if found is None:
            raise BadFile("has a quote or a bracket that never ends", self._line)
        return found

    def _move(self, place: int) -> None:
        self._line += self._text.count("\n", self._place, place)
        self._place = place
