"""Copies a database to a file, for `vimesh db backup`, while conductors write."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

from vimesh.store.backup.server_backup import dump
from vimesh.store.databases.open_database import parse_database_url
from vimesh.store.databases.unavailability import errors_as_unavailable
from vimesh.store.dialects.backup_errors import BackupRefused
from vimesh.store.dialects.embedded_dialect import ShowProgress
from vimesh.store.dialects.new_files import put_in_place, scratch_file
from vimesh.store.dialects.server_dialect import DatabaseServer
from vimesh.store.upgrade import manage_tables, table_versions
from vimesh.store.urls.server_addresses import ServerAddress


@dataclass(frozen=True, slots=True)
class Backup:
    size_bytes: int
    version: str
    """Of the tables."""
    server: ServerAddress | None
    """The server that was copied; None for a file."""


async def back_up(database_url: str, target: Path, show: ShowProgress, *, overwrite: bool) -> Backup:
    """Copy the database, as it is at one moment, to a file, which appears when it is complete and checked.

    Raises BackupRefused, BadSetting, StoreUnavailable.
    """
    _require_target(target, overwrite=overwrite)
    tables = await manage_tables.read_tables(database_url)
    if tables.version is None:
        raise BackupRefused("the database has no tables", "nothing needs a backup yet")
    table_versions.require_compatible(tables)
    place = parse_database_url(database_url)
    try:
        server = None
        with scratch_file(target) as scratch:
            if isinstance(place, DatabaseServer):
                server = await dump(place, scratch, show)
            else:
                with errors_as_unavailable():
                    await asyncio.to_thread(place.back_up, scratch, show)
            size_bytes = scratch.stat().st_size
            put_in_place(scratch, target, overwrite=overwrite)
    except FileExistsError:
        raise _exists(target) from None
    except OSError as error:
        raise BackupRefused(f"{target} cannot be written: {error.strerror}") from error
    return Backup(size_bytes, tables.version, server)


def _require_target(target: Path, *, overwrite: bool) -> None:
    if target.is_dir() or not target.parent.is_dir():
        raise BackupRefused(f"{target} cannot be written: it must be a file in a folder that exists")
    if not overwrite and target.exists():
        raise _exists(target)


def _exists(target: Path) -> BackupRefused:
    return BackupRefused(f"{target} already exists", "give another name, or replace it with --force")
