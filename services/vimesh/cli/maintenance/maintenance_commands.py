"""Assembles the `vimesh maintenance` commands."""

from __future__ import annotations

import typer

from vimesh.cli.lazy_commands import group_with_aliases
from vimesh.cli.maintenance.finish_window import end
from vimesh.cli.maintenance.show_windows import list_windows, show
from vimesh.cli.maintenance.start_window import start
from vimesh.cli.verb_first import ALIASES

app = typer.Typer(
    cls=group_with_aliases({**ALIASES, "create": "start", "delete": "end"}),
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Plan maintenance of VIMs: probing goes on, and shows that they are worked on.",
)
app.command()(start)
app.command("list")(list_windows)
app.command()(show)
app.command()(end)
