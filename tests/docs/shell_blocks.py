"""Fenced blocks of the documents, the commands in them, and whether what came is what is shown."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
SHELL = ("console", "sh")
"""`console` has a prompt before each command, and may show what comes; `sh` has commands only."""
MARK = "<!-- not run here: "
_BLOCK = re.compile(
    rf"(?:^{MARK}(?P<reason>[^\n]+) -->\n)?^```(?P<language>[^\n]*)\n(?P<inside>.*?)^```$", re.MULTILINE | re.DOTALL
)
_TITLE = re.compile(r"^#+ (.+)$", re.MULTILINE)
_PROMPT = re.compile(r"(?P<machine>[a-z0-9-]*)\$ ")
"""What stands before the `$` is the machine on which the command is typed."""
_ID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_MASKS = (
    (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+Z)?", "<time>"),
    (r"\b\d+(\.\d+)?(ms|s|m|h)\b", "<duration>"),
    (r"127\.0\.0\.1:\d+", "127.0.0.1:<port>"),
    (r"^\d+ (?=[A-Z_]+ [A-Z])", "<revision> "),  # of a change that a sample prints
    (r"^dropped \d+ changes; kept \d+, from revision \d+", "dropped <n> changes; kept <n>, from revision <n>"),
    (r"-{2,}", "--"),  # columns are as wide as what is in them
    (r" +", " "),
    (r" +$", ""),
    (r"\n{2,}", "\n"),
)
"""What differs from one time to the next. Ids do, too, but have to be the same wherever the document has the same."""


@dataclass(frozen=True)
class ShellCommand:
    machine: str
    """Where it is typed; empty where there is only one."""
    typed: str
    shown: str
    """The lines below it. Without any, the document leaves out what comes."""


@dataclass(frozen=True)
class Block:
    place: str
    heading: str
    """What the part of the document is called that it is in."""
    language: str
    reason: str | None
    """Why it is not run."""
    lines: tuple[str, ...]

    @property
    def commands(self) -> list[ShellCommand]:
        lines = [f"$ {line}" for line in self.lines if line] if self.language == "sh" else list(self.lines)
        starts = [number for number, line in enumerate(lines) if _PROMPT.match(line)]
        return [_command(lines[start:end]) for start, end in pairwise([*starts, len(lines)])]


def _command(lines: Sequence[str]) -> ShellCommand:
    length = next(number for number, line in enumerate(lines, 1) if not line.endswith("\\"))
    prompt = _PROMPT.match(lines[0])
    assert prompt is not None
    typed = "\n".join(lines[:length])[prompt.end() :]
    return ShellCommand(prompt["machine"], typed, "\n".join(lines[length:]).rstrip())


def blocks(document: Path) -> list[Block]:
    text, name = document.read_text(), document.relative_to(ROOT)
    spans = [block.span() for block in _BLOCK.finditer(text)]
    titles = [title for title in _TITLE.finditer(text) if not any(start < title.start() < end for start, end in spans)]
    return [
        Block(
            f"{name}:{text.count(chr(10), 0, block.start('language')) + 1}",
            next((title[1] for title in reversed(titles) if title.start() < block.start()), ""),
            block["language"],
            block["reason"],
            tuple(block["inside"].splitlines()),
        )
        for block in _BLOCK.finditer(text)
    ]


def is_as_shown(shown: str, came: str, ids: dict[str, str]) -> bool:
    """Compare, where `...` stands for any text, and as a line for any lines.

    `ids` holds what stands for the ids of the document so far, and gets those that are shown here first.
    """
    pattern, new = "", dict[str, str]()
    for part in re.split(rf"(^\.\.\.\n|\.\.\.|{_ID})", masked(f"{shown}\n"), flags=re.MULTILINE):
        if part == "...\n":
            pattern += r"(?:.*\n)*?"
        elif part == "...":
            pattern += ".*"
        elif not re.fullmatch(_ID, part):
            pattern += re.escape(part)
        elif part in ids:
            pattern += ids[part]
        elif part in new:
            pattern += f"(?P={new[part]})"
        else:
            new[part] = f"id_{len(new)}"
            pattern += f"(?P<{new[part]}>{_ID})"
    match = re.fullmatch(pattern, masked(f"{came.rstrip()}\n"))
    if match:
        ids.update({id_: match[name] for id_, name in new.items()})
    return match is not None


def masked(text: str) -> str:
    for pattern, instead in _MASKS:
        text = re.sub(pattern, instead, text, flags=re.MULTILINE)
    return text
