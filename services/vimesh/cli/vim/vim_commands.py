"""Assembles the `vimesh vim` commands."""

from __future__ import annotations

from typing import Final

import typer

from vimesh.cli.lazy_commands import CommandSource, lazy_group
from vimesh.cli.verb_first import ALIASES

_FILTER_HELP: Final = "vimesh.cli.selection.filter_flags:FILTER_HELP"
_COMMANDS: Final = {
    "register": CommandSource("vimesh.cli.vim.register:register"),
    "list": CommandSource("vimesh.cli.vim.list_and_show:list_vims", epilog=_FILTER_HELP),
    "summary": CommandSource("vimesh.cli.vim.summary:summary", epilog=_FILTER_HELP),
    "show": CommandSource("vimesh.cli.vim.list_and_show:show"),
    "set": CommandSource("vimesh.cli.vim.set_fields:set_vim"),
    "label": CommandSource("vimesh.cli.vim.label:label"),
    "deregister": CommandSource("vimesh.cli.vim.deregister:deregister"),
    "import": CommandSource("vimesh.cli.vim.import_file:import_vims"),
    "delete": CommandSource("vimesh.cli.vim.deregister:deregister", hidden=True),
    "watch": CommandSource("vimesh.cli.vim.watch:watch", epilog=_FILTER_HELP),
    "wait": CommandSource("vimesh.cli.vim.wait:wait"),
    "events": CommandSource("vimesh.cli.vim.show_events:events", epilog=_FILTER_HELP),
    "history": CommandSource("vimesh.cli.vim.show_history:history"),
}

app = typer.Typer(
    cls=lazy_group(_COMMANDS, aliases={**ALIASES, "create": "register", "update": "set"}),
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Register, show, change and watch VIMs.",
)
