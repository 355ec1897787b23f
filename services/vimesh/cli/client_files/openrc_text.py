"""Reads which variables a shell script sets, without running any of it: openrc files are shell scripts."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from vimesh.cli.client_files.shell_words import PartKind, ShellOperator, Word, WordPart, tokens
from vimesh.files.file_errors import BadFile
from vimesh.files.file_limits import MAX_SETTINGS_BYTES

_ASSIGNMENT = re.compile(r"([A-Za-z_]\w*)=", re.ASCII)
_NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_EXPORTS: Final = frozenset({"export", "declare", "typeset", "readonly"})
_BEGINS: Final = frozenset({"if", "for", "while", "until", "case", "select", "{"})
_ENDS: Final = frozenset({"fi", "done", "esac", "}"})
_PREFIXES: Final = frozenset({"then", "else", "elif", "do", "!", "time"})
_TESTS: Final = frozenset({"[", "[[", "test"})
_OTHER_SHELLS: Final = {"setenv": "csh", "SET": "cmd.exe", "set-item": "PowerShell"}
_POWERSHELL: Final = "$env:"


@dataclass(frozen=True, slots=True)
class Assigned:
    """A variable that a script sets."""

    line: int
    value: str | None = field(repr=False)
    """None: only a shell could tell it."""
    why: str = ""
    """Why only a shell could."""


def read_assignments(text: str, home: str) -> Mapping[str, Assigned]:
    """Return the variables that a script leaves set. Raises BadFile. `home`: what `~` stands for."""
    for number, line in enumerate(text.split("\n"), 1):
        if line.lstrip().lower().startswith(_POWERSHELL):
            raise _other_shell("PowerShell", number)
    script = _Script(home)
    words: list[Word] = []
    joined = ""
    for token in tokens(text):
        if isinstance(token, Word):
            words.append(token)
            continue
        if token.text == "<<":
            raise BadFile("has a here-document, which vimesh does not read", token.line)
        script.run(words, after=joined, before=token.text)
        script.bracket(token)
        joined, words = token.text, []
    script.run(words, after=joined, before="")
    return script.variables


def _other_shell(name: str, line: int) -> BadFile:
    return BadFile(f"is a script for {name}: use the file for sh or bash", line)


class _Script:
    """Follows a script line by line, and gives up on a variable rather than guess it."""

    def __init__(self, home: str) -> None:
        self.variables: dict[str, Assigned] = {}
        self._home = home
        self._blocks = 0
        self._brackets = 0
        self._tested = ""
        """The variable of the innermost test for an empty value; unsetting that is no matter."""

    def bracket(self, operator: ShellOperator) -> None:
        self._brackets = max(0, self._brackets + (operator.text == "(") - (operator.text == ")"))

    def run(self, words: Sequence[Word], *, after: str, before: str) -> None:
        """Follow a statement between two operators."""
        words = self._inside(words)
        if not words:
            return
        inner = bool(self._blocks or self._brackets)
        conditional = after in {"&&", "||"} or before in {"|", "&"} or after == "|"
        unsure = "is set only under a condition, or in a part of the script that may not run"
        reason = unsure if inner or conditional else ""
        command = words[0].bare
        if command in _TESTS:
            self._tested = _tested_variable(words)
        elif command in _OTHER_SHELLS:
            raise _other_shell(_OTHER_SHELLS[command], words[0].line)
        elif command == "unset":
            self._unset(words[1:], conditional=bool(reason))
        elif command == "read":
            self._ask(words[1:])
        elif command in _EXPORTS or all(map(_is_assignment, words)):
            # Before a command, assignments would be its own alone.
            for word in words:
                self._assign(word, reason)

    def _ask(self, words: Sequence[Word]) -> None:
        for word in words:
            if _NAME.fullmatch(word.bare):
                self.variables[word.bare] = Assigned(word.line, None, "is asked for when the file is sourced")

    def _inside(self, words: Sequence[Word]) -> Sequence[Word]:
        """Count the blocks that a statement begins and ends, and return what it does in them."""
        for place, word in enumerate(words):
            if word.bare in _BEGINS:
                self._blocks += 1
                self._tested = ""
                if word.bare not in {"if", "while", "until", "{"}:
                    # The rest names what is looped over.
                    return ()
            elif word.bare in _ENDS:
                self._blocks = max(0, self._blocks - 1)
            elif word.bare not in _PREFIXES:
                return words[place:]
        return ()

    def _assign(self, word: Word, reason: str) -> None:
        if not _is_assignment(word):
            return
        name, _, first = word.parts[0].text.partition("=")
        if reason:
            self.variables[name] = Assigned(word.line, None, reason)
            return
        self.variables[name] = self._value(word, first)

    def _value(self, word: Word, first: str) -> Assigned:
        texts = [self._home + first[1:] if first == "~" or first.startswith("~/") else first]
        length = len(texts[0])
        for part in word.parts[1:]:
            found = self._part(part, word.line)
            if found.value is None:
                return found
            texts.append(found.value)
            length += len(found.value)
            if length > MAX_SETTINGS_BYTES:
                raise BadFile(f"sets a variable to more than {MAX_SETTINGS_BYTES} characters", word.line)
        return Assigned(word.line, "".join(texts))

    def _part(self, part: WordPart, line: int) -> Assigned:
        if part.kind is PartKind.LITERAL:
            return Assigned(line, part.text)
        if part.kind is PartKind.OPAQUE:
            return Assigned(line, None, part.text)
        found = self.variables.get(part.text)
        if found is None and part.text == "HOME":
            return Assigned(line, self._home)
        if found is None:
            return Assigned(line, None, f"refers to {part.text}, which the file does not set")
        return found if found.value is not None else Assigned(line, None, found.why)

    def _unset(self, words: Sequence[Word], *, conditional: bool) -> None:
        for word in words:
            name = word.bare
            if not name:
                # Such as a loop over all that is set: at the start of a file it clears what is there before.
                for known in list(self.variables):
                    self.variables[known] = Assigned(word.line, None, "may be unset by a loop")
            elif not conditional:
                self.variables.pop(name, None)
            elif name in self.variables and name != self._tested:
                self.variables[name] = Assigned(word.line, None, "is unset only under a condition")


def _is_assignment(word: Word) -> bool:
    return bool(word.parts) and word.parts[0].kind is PartKind.LITERAL and bool(_ASSIGNMENT.match(word.parts[0].text))


def _tested_variable(words: Sequence[Word]) -> str:
    """Return X of `[ -z "$X" ]`; empty for any other test."""
    inner = [word for word in words[1:] if word.bare not in {"]", "]]"}]
    if len(inner) != 2 or inner[0].bare != "-z":
        return ""
    references = [part.text for part in inner[1].parts if part.text]
    is_one = len(references) == 1 and inner[1].parts[-1].kind is PartKind.REFERENCE
    return references[0] if is_one else ""
