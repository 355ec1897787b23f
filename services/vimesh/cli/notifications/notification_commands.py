"""Assembles the `vimesh notification` commands."""

from __future__ import annotations

import typer

from vimesh.cli.lazy_commands import group_with_aliases
from vimesh.cli.notifications.resend_notifications import delete, resend
from vimesh.cli.notifications.show_notifications import list_notifications, show
from vimesh.cli.verb_first import ALIASES

app = typer.Typer(
    cls=group_with_aliases(ALIASES),
    no_args_is_help=True,
    rich_markup_mode=None,
    help="See notifications that could not be delivered, and send them again.",
)
app.command("list")(list_notifications)
app.command()(show)
app.command()(resend)
app.command()(delete)
