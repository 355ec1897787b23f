"""Assembles the `vimesh receiver` commands."""

from __future__ import annotations

import typer

from vimesh.cli.lazy_commands import group_with_aliases
from vimesh.cli.notifications.apply.apply_receivers import apply
from vimesh.cli.notifications.create_receiver import create
from vimesh.cli.notifications.delete_receiver import delete
from vimesh.cli.notifications.modify_receiver import modify
from vimesh.cli.notifications.show_receivers import list_receivers, show
from vimesh.cli.notifications.try_receiver import send_test
from vimesh.cli.verb_first import ALIASES

app = typer.Typer(
    cls=group_with_aliases({**ALIASES, "update": "modify", "set": "modify"}),
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Say who is notified when VIMs are lost and found: Alertmanager, CloudEvents, e-mail, Tacker, ETSI, webhooks.",
)
app.command()(create)
app.command("list")(list_receivers)
app.command()(show)
app.command()(modify)
app.command()(apply)
app.command()(delete)
app.command("test")(send_test)
