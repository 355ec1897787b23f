"""Assembles the `vimesh vim` commands."""

from __future__ import annotations

from typing import Final

import typer

from vimesh.cli.lazy_commands import CommandSource, lazy_group
from vimesh.cli.verb_first import ALIASES

_FILTER_HELP: Final = "vimesh.cli.selection.filter_help:FILTER_HELP"
COMMANDS: Final = {
    "register": CommandSource("vimesh.cli.vim.register:register", "Register a VIM."),
    "list": CommandSource("vimesh.cli.vim.list_and_show:list_vims", "List VIMs, page by page.", epilog=_FILTER_HELP),
    "summary": CommandSource(
        "vimesh.cli.vim.summary:summary", "Count VIMs by status, in groups if wanted.", epilog=_FILTER_HELP
    ),
    "show": CommandSource("vimesh.cli.vim.list_and_show:show", "Show everything about one VIM."),
    "probe": CommandSource("vimesh.cli.vim.probe:probe", "Have a monitor probe a VIM now, and print what it saw."),
    "explain": CommandSource(
        "vimesh.cli.diagnosis.explain:explain", "Say why a VIM reads what it reads, and what would change that."
    ),
    "set": CommandSource("vimesh.cli.vim.set_fields:set_vim", "Change a VIM."),
    "label": CommandSource("vimesh.cli.vim.label:label", "Set and remove labels of a VIM, and keep the others."),
    "deregister": CommandSource(
        "vimesh.cli.vim.deregister:deregister",
        "Remove VIMs and their credentials: those that are named, or all that match.",
    ),
    "import": CommandSource("vimesh.cli.vim.import_file:import_vims", "Register all VIMs in a file."),
    "delete": CommandSource(
        "vimesh.cli.vim.deregister:deregister",
        "Remove VIMs and their credentials: those that are named, or all that match.",
        hidden=True,
    ),
    "watch": CommandSource(
        "vimesh.cli.vim.watch:watch",
        "Show all or the given VIMs and every change until Ctrl-C: as a live table on a terminal, otherwise as lines.",
        epilog=_FILTER_HELP,
    ),
    "wait": CommandSource("vimesh.cli.vim.wait:wait", "Wait until a VIM has a status or is deregistered."),
    "events": CommandSource(
        "vimesh.cli.vim.show_events:events",
        "Show past changes, newest last: as lines or, with -o wide, -c or --sort-by, as a table.",
        epilog=_FILTER_HELP,
    ),
    "history": CommandSource(
        "vimesh.cli.vim.show_history:history",
        "Show round trips and losses of a VIM over time, with a bar of each mean round trip.",
    ),
}

app = typer.Typer(
    cls=lazy_group(COMMANDS, aliases={**ALIASES, "create": "register", "update": "set"}),
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Register, show, change and watch VIMs.",
)
