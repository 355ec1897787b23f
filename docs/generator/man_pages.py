"""Writes a manual page for vimesh, and one for each of its commands with all that is below it, from their `--help`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Final

from docs.generator.commands_page import CommandHelp, commands, first_sentence, help_parts

_SECTION: Final = 1
_ORIGIN: Final = r".\" made by `make reference`"
_EPILOG_TITLES: Final = ("EXIT STATUS", "ENVIRONMENT")
"""What the parts of the text below the help of vimesh itself are about."""
# As they are, roff takes these for hyphens, quotes and its own commands.
_AS_TYPED: Final = str.maketrans({"\\": r"\e", "-": r"\-", "'": r"\(aq", "`": r"\(ga", "^": r"\(ha", "~": r"\(ti"})


def man_pages() -> Iterator[tuple[str, str]]:
    """Yield the name of each file, and what is in it."""
    root, *others = commands()
    pages = [list(page) for _, page in groupby(others, key=lambda command: command.path.split()[1])]
    yield _file_name(root), _page(root, _overview(root, [page[0] for page in pages]))
    for command, *below in pages:
        yield _file_name(command), _page(command, _details(command, below))


def _file_name(command: CommandHelp) -> str:
    return f"{_title(command)}.{_SECTION}"


def _title(command: CommandHelp) -> str:
    return command.path.replace(" ", "-")


def _page(command: CommandHelp, lines: Iterator[str]) -> str:
    title = _typed(_title(command))
    # Without a date: the page is made anew each time, and is the same as long as the command is.
    heading = f'.TH {title.upper()} {_SECTION} "" vimesh "Commands of vimesh"'
    summary = _typed(first_sentence(command.help).rstrip("."))
    return "\n".join([_ORIGIN, heading, ".SH NAME", rf"{title} \- {summary}", *lines, ""])


def _overview(root: CommandHelp, tops: Sequence[CommandHelp]) -> Iterator[str]:
    yield from _synopsis([root])
    yield from _prose(root.help, after=".SH DESCRIPTION")
    yield ".SH OPTIONS"
    yield from _options(root)
    yield ".SH COMMANDS"
    for top in tops:
        yield from (".TP", rf"\fB{_typed(_title(top))}\fR({_SECTION})", _typed(first_sentence(top.help)))
    for title, part in zip(_EPILOG_TITLES, help_parts(root.epilog), strict=True):
        yield from (f".SH {title}", *_example(part.text))


def _details(command: CommandHelp, below: Sequence[CommandHelp]) -> Iterator[str]:
    yield from _synopsis([command, *below])
    yield from _prose(command.help, after=".SH DESCRIPTION")
    if command.flags:
        yield ".SH OPTIONS"
        yield from _options(command)
    yield from _prose(command.epilog)
    if below:
        yield ".SH COMMANDS"
    for each in below:
        yield from _prose(each.help, after=f".SS {_typed(each.path)}")
        yield from _options(each)
        yield from _prose(each.epilog)
    yield from (".SH SEE ALSO", rf"\fBvimesh\fR({_SECTION})")


def _synopsis(usages: Sequence[CommandHelp]) -> Iterator[str]:
    yield ".SH SYNOPSIS"
    for number, each in enumerate(usages):
        if number:
            yield ".br"
        yield rf"\fB{_typed(each.path)}\fR{_typed(each.usage.removeprefix(each.path))}"


def _options(command: CommandHelp) -> Iterator[str]:
    for flag in command.flags:
        yield from (".TP", _usage(flag.usage), _typed(" ".join(flag.help.split())))


def _usage(usage: str) -> str:
    """Return names in bold, and the words for values in italics."""
    return " ".join(word if word == "/" else rf"\f{_font(word)}{_typed(word)}\fR" for word in usage.split())


def _font(word: str) -> str:
    return "B" if word.startswith("-") else "I"


def _prose(text: str, after: str = ".PP") -> Iterator[str]:
    """Return paragraphs, the first of which comes after this heading."""
    for part in help_parts(text):
        yield after
        yield from _example(part.text) if part.keeps_lines else [_typed(part.text)]
        after = ".PP"


def _example(text: str) -> Iterator[str]:
    yield from (".EX", *map(_typed, text.splitlines()), ".EE")


def _typed(text: str) -> str:
    """Return a line of which roff shows each character."""
    line = text.translate(_AS_TYPED)
    return rf"\&{line}" if line.startswith(".") else line
