"""vimesh db: manages the tables of the database and the key that encrypts credentials in them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from vimesh.cli.base import command_settings, flags
from vimesh.cli.base.exits import ExitCode, Failure
from vimesh.cli.commands.rotate_key import rotate_key

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Create, upgrade and check the database.")
app.command()(rotate_key)


def _url(database_url: str | None, config: Path | None) -> str:
    return command_settings.required_database_url(command_settings.given(config), database_url)


@app.command()
def upgrade(*, database_url: flags.DatabaseUrl = None, config: flags.Config = None) -> None:
    """Create the tables, or upgrade them to the version that this release needs. Safe to repeat."""
    from vimesh.store.upgrade import manage_tables  # noqa: PLC0415 - clients need no SQL

    url = _url(database_url, config)
    asyncio.run(manage_tables.upgrade(url))
    typer.echo(f"the tables have version {manage_tables.newest()}")


@app.command()
def current(*, database_url: flags.DatabaseUrl = None, config: flags.Config = None) -> None:
    """Print the version of the tables."""
    from vimesh.store.upgrade import manage_tables  # noqa: PLC0415 - clients need no SQL

    typer.echo(asyncio.run(manage_tables.current(_url(database_url, config))) or "none")


@app.command()
def check(*, database_url: flags.DatabaseUrl = None, config: flags.Config = None) -> None:
    """Exit with 0 if the tables have the version that this release needs; otherwise print how to fix it."""
    from vimesh.store.upgrade import manage_tables  # noqa: PLC0415 - clients need no SQL

    asyncio.run(manage_tables.check(_url(database_url, config)))
    typer.echo(f"the tables have version {manage_tables.newest()}, as required")


@app.command()
def compact(
    *,
    keep_events: flags.KeepEvents = None,
    keep_for: flags.KeepFor = None,
    keep_bytes: flags.KeepBytes = None,
    database_url: flags.DatabaseUrl = None,
    config: flags.Config = None,
) -> None:
    """Drop the changes beyond the limits. Conductors do so once a minute, and after many writes."""
    from vimesh.store import compact_log  # noqa: PLC0415 - clients need no SQL

    found = command_settings.given(config)
    retention = command_settings.retention(found, keep_events=keep_events, keep_for=keep_for, keep_bytes=keep_bytes)
    url = command_settings.required_database_url(found, database_url)
    dropped, span = asyncio.run(compact_log.drop_all(url, retention))
    typer.echo(f"dropped {dropped} changes; kept {span.newest - span.oldest + 1}, from revision {span.oldest}")


@app.command()
def erase(*, database_url: flags.DatabaseUrl = None, config: flags.Config = None) -> None:
    """Erase what removed secrets have left in the files of SQLite. Writers wait while the file is written anew.

    Conductors do so by themselves within seconds, unless the file is larger than 16 MiB: then a few remains may stay.
    """
    from vimesh.store.rotate_keys import erase_removed  # noqa: PLC0415 - clients need no SQL

    asyncio.run(erase_removed(_url(database_url, config)))
    typer.echo("no removed secret is left in the files that vimesh can reach")


@app.command()
def make_key(file: Annotated[Path, typer.Argument(metavar="FILE", help="Key file to create.")]) -> None:
    """Create the key file; every conductor of a fleet needs a copy of it. Never overwrites a file."""
    from vimesh.store.rows.key_files import make_key_file  # noqa: PLC0415 - clients need no cryptography

    if not make_key_file(file):
        raise Failure(f"{file} already exists", code=ExitCode.ERROR, hint="use it with: vimesh conductor --key-file")
    typer.echo(f"created {file}; keep a copy, because credentials cannot be read without it")
