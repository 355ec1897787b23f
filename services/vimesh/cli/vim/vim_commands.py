"""Assembles the `vimesh vim` commands."""

from __future__ import annotations

import typer

from vimesh.cli.selection.filter_flags import FILTER_HELP
from vimesh.cli.vim.deregister import deregister
from vimesh.cli.vim.import_file import import_vims
from vimesh.cli.vim.label import label
from vimesh.cli.vim.list_and_show import list_vims, show
from vimesh.cli.vim.register import register
from vimesh.cli.vim.set_fields import set_vim
from vimesh.cli.vim.show_events import events
from vimesh.cli.vim.show_history import history
from vimesh.cli.vim.summary import summary
from vimesh.cli.vim.wait import wait
from vimesh.cli.vim.watch import watch

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Register, show, change and watch VIMs.")
app.command()(register)
app.command("list", epilog=FILTER_HELP)(list_vims)
app.command(epilog=FILTER_HELP)(summary)
app.command()(show)
app.command("set")(set_vim)
app.command()(label)
app.command()(deregister)
app.command("import")(import_vims)
app.command("delete", hidden=True)(deregister)
app.command(epilog=FILTER_HELP)(watch)
app.command()(wait)
app.command(epilog=FILTER_HELP)(events)
app.command()(history)
