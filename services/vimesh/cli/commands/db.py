"""vimesh db: manages the tables of the database and the key that encrypts credentials in them."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar

import typer

from vimesh.cli.base import command_settings, common_settings, flags
from vimesh.cli.base.exits import ExitCode, Failure
from vimesh.cli.commands.rotate_key import rotate_key
from vimesh.cli.output.progress import progress
from vimesh.domain.fleet.upgrade_phases import UpgradePhase

T = TypeVar("T")

_LINES_EVERY_S: Final = 5.0

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Create, upgrade and check the database.")
app.command()(rotate_key)


def _url(database_url: str | None, config: Path | None) -> str:
    return command_settings.required_database_url(common_settings.given(config), database_url)


@app.command()
def upgrade(
    *,
    phase: Annotated[
        UpgradePhase | None,
        typer.Option(
            "--phase",
            metavar="expand|contract",
            help="Only add what this release needs, or only take away what earlier ones needed (default: both).",
        ),
    ] = None,
    database_url: flags.DatabaseUrl = None,
    config: flags.Config = None,
) -> None:
    """Create the tables, or upgrade them to the version that this release needs. Safe to repeat.

    To upgrade while conductors run, expand the tables, replace the conductors, and contract the tables: conductors of
    the release before work with tables that are only expanded. To contract them is refused while a conductor is seen
    that would not work with them any more. `vimesh upgrade plan` shows all steps.
    """
    from vimesh.store.upgrade import manage_tables  # noqa: PLC0415 - clients need no SQL

    url = _url(database_url, config)
    tables = asyncio.run(manage_tables.upgrade(url, phase))
    newer = ", made by a newer release: nothing was changed" if tables.is_newer else ""
    typer.echo(f"the tables have version {tables.version}{newer}")
    if tables.steps:
        typer.echo(f"left to do: vimesh db upgrade --phase {tables.steps[0].phase}", err=True)


@app.command()
def current(*, database_url: flags.DatabaseUrl = None, config: flags.Config = None) -> None:
    """Print the version of the tables."""
    from vimesh.store.upgrade import manage_tables  # noqa: PLC0415 - clients need no SQL

    typer.echo(asyncio.run(manage_tables.current(_url(database_url, config))) or "none")


@app.command()
def check(*, database_url: flags.DatabaseUrl = None, config: flags.Config = None) -> None:
    """Exit with 0 if this release can use the tables as they are; otherwise print how to fix it."""
    from vimesh.store.upgrade import manage_tables  # noqa: PLC0415 - clients need no SQL

    tables = asyncio.run(manage_tables.check(_url(database_url, config)))
    fits = "made by a newer release, and this one can use them" if tables.is_newer else "as required"
    typer.echo(f"the tables have version {tables.version}, {fits}")
    if tables.steps:
        typer.echo(f"left to do: vimesh db upgrade --phase {tables.steps[0].phase}", err=True)


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

    found = common_settings.given(config)
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
def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="File to write. Only its owner can read it.")],
    *,
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it exists.")] = False,
    database_url: flags.DatabaseUrl = None,
    config: flags.Config = None,
) -> None:
    """Copy the database, as it is at one moment, to a file, while conductors write to it.

    The file appears when it is complete and was checked. Servers are copied by their own programs: pg_dump or
    mariadb-dump must be installed. Credentials in the file are encrypted: keep a copy of the key file apart from it.
    """
    from vimesh.store.backup.back_up import back_up  # noqa: PLC0415 - clients need no SQL

    url = _url(database_url, config)
    with progress(lines_every_s=_LINES_EVERY_S) as show:
        made = _copied(back_up(url, file, partial(show, "copied"), overwrite=force))
    where = f" from {made.server}" if made.server else ""
    typer.echo(f"wrote {file}{where}: {made.size_bytes} bytes, with tables of version {made.version}")
    typer.echo("the key file is not in it: without a copy of that, the credentials in it cannot be read", err=True)


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="File that `vimesh db backup` has written.")],
    *,
    force: Annotated[
        bool, typer.Option("--force", help="Replace the tables in the database of a server; what they have is lost.")
    ] = False,
    database_url: flags.DatabaseUrl = None,
    config: flags.Config = None,
) -> None:
    """Put a backup in the place of the database, after it was checked. Conductors must be stopped.

    A SQLite file that is there is kept beside the new one. On a server, tables are only replaced with --force.
    """
    from vimesh.store.backup.restore import restore  # noqa: PLC0415 - clients need no SQL
    from vimesh.store.upgrade import manage_tables  # noqa: PLC0415 - as above

    url = _url(database_url, config)
    with progress(lines_every_s=_LINES_EVERY_S) as show:
        restored = _copied(restore(url, file, partial(show, "restored"), overwrite=force))
    where = f" at {restored.server}" if restored.server else ""
    typer.echo(f"restored {file}{where}, with tables of version {restored.version}")
    if restored.previous is not None:
        typer.echo(f"the database that was there is now {restored.previous}")
    if restored.version != manage_tables.newest():
        typer.echo("this release needs newer tables; type: vimesh db upgrade", err=True)


@app.command()
def new_log_id(*, database_url: flags.DatabaseUrl = None, config: flags.Config = None) -> None:
    """Make watchers start again, after the database was restored by other means than `vimesh db restore`.

    They notice by themselves only that the log of changes is shorter than what they have seen.
    """
    from vimesh.store.backup.restore import make_other_log  # noqa: PLC0415 - clients need no SQL

    asyncio.run(make_other_log(_url(database_url, config)))
    typer.echo("the log of changes has a new id: whoever watches starts again")


def _copied(work: Coroutine[Any, Any, T]) -> T:
    """Run a copy. Raises Failure if it is refused."""
    from vimesh.store.dialects.backup_errors import BackupRefused  # noqa: PLC0415 - clients need no SQL

    try:
        return asyncio.run(work)
    except BackupRefused as error:
        raise Failure(str(error), hint=error.hint) from error


@app.command()
def make_key(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Key file to create.")],
    castellan: Annotated[
        Path | None,
        typer.Option(
            metavar="CONFIG",
            help="Create the key in the key manager of this configuration file of castellan; FILE only names it.",
        ),
    ] = None,
) -> None:
    """Create the key file; every conductor of a fleet needs a copy of it. Never overwrites a file."""
    from vimesh.store.rows.key_files import make_key_file  # noqa: PLC0415 - clients need no cryptography

    if not make_key_file(file, castellan=castellan):
        raise Failure(f"{file} already exists", code=ExitCode.ERROR, hint="use it with: vimesh conductor --key-file")
    lost = "it" if castellan is None else "the key that it names"
    typer.echo(f"created {file}; keep a copy, because credentials cannot be read without {lost}")
