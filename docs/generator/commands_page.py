"""Writes the page of all commands with their arguments and flags, as `--help` shows them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import typer

from docs.generator.markdown_text import code, paragraphs, table
from vimesh.cli.main import app

_INTRODUCTION = """# Commands

Every command with its arguments and flags, as its `--help` shows them. [The command line](../using/command-line.md)
explains them, and [settings](settings.md) lists what the environment and the settings file can hold.
"""
_UNWRAPPED = "\b"
"""A line of its own, after which a paragraph of help keeps its lines."""


@dataclass(frozen=True, slots=True)
class Flag:
    usage: str
    """Names and the word for the value."""
    help: str


@dataclass(frozen=True, slots=True)
class CommandHelp:
    path: str
    """With the names of its groups, such as `vimesh vim list`."""
    usage: str
    help: str
    flags: tuple[Flag, ...]
    epilog: str


@dataclass(frozen=True, slots=True)
class HelpPart:
    """A paragraph, or an example, a table or the like, whose lines are to stay as they are."""

    text: str
    keeps_lines: bool


def commands() -> Iterator[CommandHelp]:
    """Yield all commands that lists of commands show, each after its group."""
    yield from _under(typer.main.get_command(app), "vimesh", None)


# The library exports no types of commands, contexts and parameters.
def _under(command: Any, name: str, parent: Any) -> Iterator[CommandHelp]:  # noqa: ANN401 - as above
    context = command.make_context(name, [], parent=parent, resilient_parsing=True)
    path = context.command_path
    yield CommandHelp(
        path=path,
        usage=" ".join([path, *command.collect_usage_pieces(context)]),
        help=command.help or "",
        flags=tuple(_flags(command.params, context)),
        epilog=command.epilog or "",
    )
    for below, subcommand in getattr(command, "commands", {}).items():
        if not subcommand.hidden:
            yield from _under(subcommand, below, context)


def _flags(parameters: Iterable[Any], context: Any) -> Iterator[Flag]:  # noqa: ANN401 - as above
    for parameter in parameters:
        if record := parameter.get_help_record(context):
            usage, about = map(str.strip, record)
            yield Flag(usage, about)


def commands_page() -> str:
    every = list(commands())
    overview = table(
        ["command", "does"],
        ([f"[{each.path}](#{each.path.replace(' ', '-')})", first_sentence(each.help)] for each in every[1:]),
    )
    return "\n".join([_INTRODUCTION, overview, *map(_section, every)])


def _section(command: CommandHelp) -> str:
    parts = [f"## {command.path}\n", f"```text\n{command.usage}\n```\n", *_prose(command.help)]
    if command.flags:
        rows = ([code(flag.usage), flag.help] for flag in command.flags)
        parts.append(table(["argument or flag", "means"], rows))
    parts += _prose(command.epilog)
    return "\n".join(parts)


def _prose(text: str) -> Iterator[str]:
    for part in help_parts(text):
        yield f"```text\n{part.text}\n```\n" if part.keeps_lines else f"{part.text}\n"


def help_parts(text: str) -> Iterator[HelpPart]:
    for part in filter(None, (part.strip("\n") for part in text.split("\n\n"))):
        if part.startswith(_UNWRAPPED):
            yield HelpPart(part.removeprefix(_UNWRAPPED).strip("\n"), keeps_lines=True)
        else:
            yield HelpPart(paragraphs(part), keeps_lines=False)


def first_sentence(text: str) -> str:
    sentence, end, _ = " ".join(text.replace(_UNWRAPPED, " ").split()).partition(". ")
    return f"{sentence}{end}".strip()
