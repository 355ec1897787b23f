"""Puts a backup in the place of a database, for `vimesh db restore`, while nobody uses it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from vimesh.store.backup.server_backup import load
from vimesh.store.change_log.log_identity import renew_log_id
from vimesh.store.databases.open_database import open_database, parse_database_url
from vimesh.store.databases.unavailability import errors_as_unavailable
from vimesh.store.dialects.backup_errors import BackupRefused
from vimesh.store.dialects.embedded_dialect import EmbeddedDatabase, ShowProgress
from vimesh.store.dialects.server_dialect import DatabaseServer
from vimesh.store.upgrade import embedded_upgrade, manage_tables, table_versions
from vimesh.store.urls.server_addresses import ServerAddress

_LIMIT_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Restored:
    version: str
    """Of the tables."""
    previous: Path | None
    """The file that was in the place of the database."""
    server: ServerAddress | None
    """The server that has the tables; None for a file."""


async def restore(database_url: str, source: Path, show: ShowProgress, *, overwrite: bool) -> Restored:
    """Check a backup, and put it in the place of the database. Conductors must not run.

    `overwrite`: also if a server has tables there, which are lost then. A file is kept beside the database instead.
    Raises BackupRefused, BadSetting, StoreUnavailable.
    """
    if not source.is_file():  # noqa: ASYNC240 - a command does nothing else meanwhile
        raise BackupRefused(f"there is no file {source}")
    place = parse_database_url(database_url)
    if isinstance(place, DatabaseServer):
        version, server = await load(place, source, show, overwrite=overwrite)
        return Restored(version, None, server)
    return await asyncio.to_thread(_restore_embedded, place, source, show)


async def make_other_log(database_url: str) -> None:
    """Give the log a new id, after the database was restored by other means. Raises BadSetting, StoreUnavailable."""
    await manage_tables.check(database_url)
    async with open_database(parse_database_url(database_url)) as database:
        await database.write(renew_log_id)


def _restore_embedded(place: EmbeddedDatabase, source: Path, show: ShowProgress) -> Restored:
    versions: list[str] = []

    def prepare(copy: EmbeddedDatabase) -> None:
        versions.append(_known_version(copy, source))
        with copy.change_tables(_LIMIT_S) as connection:
            renew_log_id(connection)

    with errors_as_unavailable():
        previous = place.restore(source, prepare, show)
    return Restored(versions[0], previous, None)


def _known_version(copy: EmbeddedDatabase, source: Path) -> str:
    version = embedded_upgrade.read(copy, table_versions.version_of)
    if version is None:
        raise BackupRefused(f"{source} has no tables of vimesh, and nothing was changed")
    table_versions.require_known_version(version)
    return version
